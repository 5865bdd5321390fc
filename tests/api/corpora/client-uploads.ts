/** The body of an upload as a client writes it, for the same short text. */
export interface ClientUpload {
  client: string;
  /** The `Content-Type` of the request. */
  type: string;
  body: Buffer;
  /** The name that the file has then. */
  name: string;
}

export const content = 'Guten Tag\r\n';

/** @param encoding of the names in the header */
function written(client: string, boundary: string, head: readonly string[], name: string, encoding: BufferEncoding = 'utf8'): ClientUpload {
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\n${head.join('\r\n')}\r\n\r\n`, encoding),
    Buffer.from(content),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { client, type: `multipart/form-data; boundary=${boundary}`, body, name };
}

const plain = 'Content-Type: text/plain';
const bytes = 'Content-Type: application/octet-stream';
const disposition = (parameters: string) => `Content-Disposition: form-data; ${parameters}`;
const dotnet = '37e5b53f-3a42-4a3c-9e1c-3ab6e8c7a3a1';
const webkit = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
const curl = '------------------------d74496d66958873e';
const spring = 'iCTnKpWgqs4JmTxIQwWl6ZjvN1wNlLa9';
const apache = 'httpclient_boundary_2f1c3d6e-6e0b-4b39-9e17-bd1d4e3f6a7c';
const python = '2e4e1c2d6d8a4c6db1a4b0f6c4c6cf10';
const go = '5b4e6d6fbfb6d4f1c9a0f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a';
/** What has a name beyond ASCII, or one that has to be escaped. */
export const clientUploads: readonly ClientUpload[] = [
  written('.NET, ASCII', dotnet, [disposition("name=file; filename=plan.txt; filename*=utf-8''plan.txt")], 'plan.txt'),
  written(
    '.NET',
    dotnet,
    [disposition(`name=file; filename="=?utf-8?B?w5xidW5nLnR4dA==?="; filename*=utf-8''%C3%9Cbung.txt`)],
    'Übung.txt',
  ),
  {
    ...written(
      '.NET with quotes around its names and its boundary',
      dotnet,
      [plain, disposition(`name="file"; filename="=?utf-8?B?w5xidW5nLnR4dA==?="; filename*=utf-8''%C3%9Cbung.txt`)],
      'Übung.txt',
    ),
    type: `multipart/form-data; boundary="${dotnet}"`,
  },
  written(
    'Spring',
    spring,
    [disposition(`name="file"; filename="=?UTF-8?Q?=C3=9Cbung_1.txt?="; filename*=UTF-8''%C3%9Cbung%201.txt`), plain, 'Content-Length: 11'],
    'Übung 1.txt',
  ),
  written('Apache HttpClient, strict', apache, [disposition('name="file"; filename="?bung.txt"'), bytes], '?bung.txt', 'ascii'),
  written('Apache HttpClient, legacy', apache, [disposition('name="file"; filename="Übung.txt"'), bytes], 'Übung.txt', 'latin1'),
  written(
    'Apache HttpClient, extended',
    apache,
    [disposition(`name="file"; filename="%C3%9Cbung.txt"; filename*="UTF-8''%C3%9Cbung.txt"`), bytes],
    'Übung.txt',
  ),
  written(
    'OkHttp',
    python,
    [disposition('name="file"; filename="Übung %22eins%22.txt"'), plain, 'Content-Length: 11'],
    'Übung %22eins%22.txt',
  ),
  written(
    'Python: requests with urllib3 1',
    python,
    [disposition(`name="file"; filename*=utf-8''%C3%9Cbung%20%281%29.txt`)],
    'Übung (1).txt',
  ),
  written('Python: requests with urllib3 2', python, [disposition('name="file"; filename="Übung.txt"')], 'Übung.txt'),
  written(
    'Python: aiohttp',
    python,
    [plain, disposition(`name="file"; filename="%C3%9Cbung.txt"; filename*=utf-8''%C3%9Cbung.txt`)],
    'Übung.txt',
  ),
  written('Go', go, [disposition('name="file"; filename="Übung \\"eins\\".txt"'), bytes], 'Übung "eins".txt'),
  written('a browser', webkit, [disposition('name="file"; filename="Übung ✓; 100%.txt"'), plain], 'Übung ✓; 100%.txt'),
  written(
    'a browser of Windows, with a path',
    webkit,
    [disposition('name="file"; filename="C:\\Users\\änne\\plan.txt"'), plain],
    'plan.txt',
  ),
  written('curl', curl, [disposition('name="file"; filename="Übung %22eins%22.txt"'), plain], 'Übung %22eins%22.txt'),
  written('curl before 7.81', curl, [disposition('name="file"; filename="Übung \\"eins\\".txt"'), plain], 'Übung "eins".txt'),
  written('curl on a terminal in Windows-1252', curl, [disposition('name="file"; filename="Übung.txt"'), plain], 'Übung.txt', 'latin1'),
  written(
    'any order and case',
    curl,
    ["content-disposition: FORM-DATA; FileName*=UTF-8'de-AT'%C3%9C.txt ;FILENAME=u.txt;Name=file"],
    'Ü.txt',
  ),
  written(
    "encodeURIComponent's brackets",
    curl,
    [disposition(`name="file"; filename="_"; filename*=UTF-8''%C3%9C%20(1)*.txt`)],
    'Ü (1)*.txt',
  ),
  written('ISO-8859-1', curl, [disposition(`name="file"; filename="_"; filename*=iso-8859-1''%DCbung.txt`)], 'Übung.txt'),
  written('a broken escape', curl, [disposition(`name="file"; filename="plan.txt"; filename*=UTF-8''%C3%9`)], 'plan.txt'),
  written('bytes that are not UTF-8', curl, [disposition(`name="file"; filename="plan.txt"; filename*=UTF-8''%DCbung.txt`)], 'plan.txt'),
  written('an unknown charset', curl, [disposition(`name="file"; filename="plan.txt"; filename*=koi8-r''%DC.txt`)], 'plan.txt'),
  written('no charset', curl, [disposition('name="file"; filename="plan.txt"; filename*=%C3%9Cbung.txt')], 'plan.txt'),
  written('no value', curl, [disposition('name="file"; filename="plan.txt"; filename*=')], 'plan.txt'),
];
