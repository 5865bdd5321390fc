import { isUtf8 } from 'node:buffer';
import { splitParameters } from './media-types.ts';

/** What a part of a form says about itself (RFC 7578, 4.2). */
export interface PartDisposition {
  name: string | undefined;
  filename: string | undefined;
}

/**
 * Reads the `Content-Disposition` of a part. `filename*` takes precedence where it is well formed: clients that send it write into
 * `filename` what only old servers understand, such as an encoded word or question marks.
 * @param header as it came, with one character for each byte
 * @returns undefined when this is no part of a form
 */
export function parsePartDisposition(header: string): PartDisposition | undefined {
  const { value, parameters } = splitParameters(header);
  if (value.toLowerCase() !== 'form-data') return undefined;
  return {
    name: decodeValue(parameters.get('name')),
    filename: decodeExtendedValue(parameters.get('filename*')) ?? decodeValue(parameters.get('filename')),
  };
}

/**
 * Only quotes and backslashes are escaped in form data: any other backslash is part of the name, as in a path of Windows. Clients write
 * UTF-8, and old ones the code page of their system.
 */
function decodeValue(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const plain = value.startsWith('"') ? value.replace(/^"|"$/g, '').replace(/\\(["\\])/g, '$1') : value;
  const bytes = Buffer.from(plain, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : new TextDecoder('windows-1252').decode(bytes);
}

/** Charset, language and percent-encoded text (RFC 8187, 3.2). Apache HttpClient puts quotes around it, and `encodeURIComponent` leaves `'()*` as they are. */
const extendedValue = /^("?)(utf-8|iso-8859-1)'[\w-]*'((?:%[\da-f]{2}|[^\s"%;\x7f-\xff])+)\1$/i;

/** @returns undefined when the value is absent or not well formed */
function decodeExtendedValue(value: string | undefined): string | undefined {
  const [, , charset = '', encoded = ''] = extendedValue.exec(value ?? '') ?? [];
  const bytes = Buffer.from(
    encoded.replace(/%(..)/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  );
  if (bytes.length === 0) return undefined;
  if (charset.toLowerCase() === 'iso-8859-1') return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString() : undefined;
}
