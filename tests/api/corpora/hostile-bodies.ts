// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates are among what is tried
/** A body that means harm, made of one that is meant well. */
export interface HostileBody {
  name: string;
  /** As text, or bytes. */
  body: string | Buffer;
  /** `application/json` unless said otherwise. */
  type?: string;
  headers?: Record<string, string>;
  /** Every route refuses it, with one of these. Without them it is only not to do any harm. */
  refused?: readonly number[];
}

const unreadable = [400];
const notJson = [415];
const notValid = [422];

/** The same for every route. */
const wholes: readonly HostileBody[] = [
  ...Object.entries({
    'an open brace': '{',
    'a closing brace': '}',
    'an open bracket': '[',
    'a comma at the end': '{"a":1,}',
    'single quotes': "{'a':1}",
    'a key without quotes': '{a:1}',
    NaN: 'NaN',
    'NaN inside': '{"a":NaN}',
    Infinity: '{"a":Infinity}',
    undefined: 'undefined',
    'a comment': '/* hello */ {}',
    'a comment at the end': '{} // hello',
    'a second document': '{}{}',
    'lines of JSON': '{}\n{}',
    'a leading zero': '{"a":01}',
    hexadecimal: '{"a":0x10}',
    'a plus sign': '{"a":+1}',
    'no digit before the point': '{"a":.5}',
    'a control character in text': '{"a":"\u0001"}',
    'a line feed in text': '{"a":"\n"}',
    'a NUL in text': '{"a":"\u0000"}',
    'a NUL at the end': '{}\u0000',
    'a broken escape': '{"a":"\\u12"}',
    'an unknown escape': '{"a":"\\x41"}',
    'an open string': '{"a":"',
    'a form': 'title=New&status=todo',
    XML: '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    YAML: '--- !!js/function "() => 1"',
    'other spaces': '\u00a0{}\u2028',
    'a hundred thousand brackets': '['.repeat(100_000),
    'a hundred thousand braces': '{"a":'.repeat(100_000),
  }).map(([name, body]) => ({ name, body, refused: unreadable })),
  { name: 'a byte order mark', body: '\ufeff{}', refused: unreadable },
  { name: 'UTF-16', body: Buffer.from('\ufeff{"title":"New"}', 'utf16le'), refused: unreadable },
  { name: 'a byte that is no UTF-8', body: Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]), refused: unreadable },
  { name: 'an overlong slash', body: Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc0, 0xaf, 0x22, 0x7d]), refused: unreadable },
  {
    name: 'half a surrogate in UTF-8',
    body: Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d]),
    refused: unreadable,
  },
  { name: 'half a character', body: Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xe2, 0x82]), refused: unreadable },
  ...Object.entries({
    null: 'null',
    true: 'true',
    'a number': '0',
    text: '"text"',
    'a huge number': '1e400',
    'a list in a list': '[[]]',
  }).map(([name, body]) => ({ name, body, refused: notValid })),
  { name: 'a list of null', body: '[null]', refused: notValid },
  { name: 'ten thousand lists in lists', body: '['.repeat(10_000) + ']'.repeat(10_000), refused: unreadable },
  { name: 'ten thousand objects in objects', body: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, refused: unreadable },
  {
    name: 'fifty thousand keys',
    body: JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n]))),
    refused: notValid,
  },
  { name: 'a list of a hundred thousand', body: JSON.stringify(Array.from({ length: 100_000 }, (_, n) => n)), refused: notValid },
  { name: 'a megabyte and more', body: JSON.stringify({ a: 'x'.repeat(1024 * 1024) }), refused: [413] },
  { name: 'nothing at all', body: '' },
  { name: 'spaces', body: '   ', refused: unreadable },
];

/** What would be good but for its type. */
const types: Record<string, Pick<HostileBody, 'type' | 'headers'>> = {
  'as text': { type: 'text/plain' },
  'as a form': { type: 'application/x-www-form-urlencoded' },
  'as parts': { type: 'multipart/form-data; boundary=x' },
  'as XML': { type: 'application/xml' },
  'as no type': { type: '' },
  'as JSON in UTF-16': { type: 'application/json; charset=utf-16' },
  'as two types': { type: 'application/json, text/plain' },
  'as nearly JSON': { type: 'application/jsonp' },
  'said to be compressed': { headers: { 'Content-Encoding': 'gzip' } },
  'said to be compressed twice': { headers: { 'Content-Encoding': 'identity, deflate' } },
};

const more: Record<string, string> = {
  'a prototype': '"__proto__":{"isAdmin":true}',
  'a prototype that is null': '"__proto__":null',
  'a prototype in escapes': '"\\u005f\\u005fproto__":{"role":"admin"}',
  'a constructor': '"constructor":{"prototype":{"isAdmin":true}}',
  'a toString': '"toString":1',
  'a hasOwnProperty': '"hasOwnProperty":null',
  'a valueOf': '"valueOf":{}',
  'an empty key': '"":1',
  'a key with NUL': '"a\\u0000":1',
  'a key that is half a surrogate': '"\\ud800":1',
  'a long key': `"${'k'.repeat(10_000)}":1`,
  'a role': '"role":"owner"',
  "another's id": '"id":"00000000-0000-7000-8000-000000000001"',
  'an owner': '"owner_id":"00000000-0000-7000-8000-000000000001"',
  'an admin': '"is_admin":true,"isAdmin":true',
  'a position': '"position":"0"',
  'an operator': '"$where":"sleep(1000)"',
};

/** In place of a value. `refused` where no value of ours can be so. */
const values: Record<string, { text: string; refused?: true }> = {
  'an empty object': { text: '{}' },
  'an operator': { text: '{"$gt":""}', refused: true },
  'something that is no text': { text: '{"toString":"x"}', refused: true },
  'a number without end': { text: '1e999', refused: true },
  'a huge negative number': { text: '-1e308', refused: true },
  'a number beyond the exact ones': { text: '9007199254740993', refused: true },
  'minus zero': { text: '-0.0' },
  'a half': { text: '0.5', refused: true },
  'a list in a list': { text: '[[]]', refused: true },
  'a list of objects': { text: '[{}]', refused: true },
  'a prototype': { text: '{"__proto__":{"a":1}}', refused: true },
  'a list with a prototype': { text: '[{"__proto__":{"a":1}}]', refused: true },
  null: { text: 'null' },
  true: { text: 'true' },
  'an empty list': { text: '[]' },
  'empty text': { text: '""' },
  NUL: { text: '"\\u0000"', refused: true },
  'text with NUL': { text: '"a\\u0000b"', refused: true },
  'half a surrogate': { text: '"\\ud800"', refused: true },
  'the other half': { text: '"a\\udc00"', refused: true },
  'surrogates the wrong way round': { text: '"\\udc00\\ud800"', refused: true },
  'a list with half a surrogate': { text: '["\\ud800"]', refused: true },
  'long text': { text: `"${'x'.repeat(200_000)}"`, refused: true },
  'a long list': { text: JSON.stringify(Array.from({ length: 20_000 }, (_, n) => `x${n}`)), refused: true },
  SQL: { text: `"' or 1=1; drop table accounts.users --"` },
  'a path': { text: '"../../../../etc/passwd"' },
  'a template': { text: '"${7*7}{{7*7}}<%= 7*7 %>"' },
  'a script': { text: '"<script>alert(1)</script>"' },
  'letters the other way round': { text: '"\\u202ecba\\u202d"' },
  'nothing to be seen': { text: '"\\u200b\\ufeff\\u2060"' },
  'a thousand accents': { text: `"a${'\u0301'.repeat(1000)}"` },
  'what is no character': { text: '"\\uffff\\ufffe"' },
  'another plane': { text: '"\\ud83d\\udca9"' },
  'a format': { text: '"%s%n%x"' },
  'lines of a header': { text: '"a\\r\\nSet-Cookie: b=c"' },
};

/** All of them for a route, from what it is well called with. @param good undefined where it takes no body */
export function hostileBodies(good: unknown): HostileBody[] {
  const whole = JSON.stringify(good ?? {});
  const asOtherTypes = Object.entries(types).map(([name, other]) => ({
    name: `what is good, ${name}`,
    body: whole,
    ...other,
    refused: notJson,
  }));
  const object = typeof good === 'object' && good !== null && !Array.isArray(good) ? good : {};
  const members = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const withMore = Object.entries(more).map(([name, member]) => ({
    name: `with ${name}`,
    body: `{${[...members, member].join()}}`,
    refused: notValid,
  }));
  return [...wholes, ...asOtherTypes, ...withMore, ...respelt(object), ...Object.keys(object).flatMap((key) => inPlaceOf(key, object))];
}

/** Keys that look like ours and are not, and twice the same one. */
function respelt(good: object): HostileBody[] {
  const [first] = Object.entries(good);
  if (!first) return [];
  const [key, value] = first;
  const member = (name: string) => `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const others = {
    'in capitals': key.toUpperCase(),
    'with a space': `${key} `,
    'with nothing to be seen': `${key}\u200b`,
    'with a dot': `${key}.a`,
  };
  return [
    ...Object.entries(others).map(([name, other]) => ({ name: `a key ${name}`, body: `{${member(other)}}`, refused: notValid })),
    { name: 'the same key twice', body: `{${member(key)},${member(key)}}` },
    { name: 'the same key twice, once as null', body: `{${member(key)},"${key}":null}` },
  ];
}

function inPlaceOf(key: string, good: object): HostileBody[] {
  const others = Object.entries(good).filter(([other]) => other !== key);
  const rest = others.map(([other, value]) => `,${JSON.stringify(other)}:${JSON.stringify(value)}`).join('');
  return Object.entries(values).map(([name, { text, refused }]) => ({
    name: `${key} is ${name}`,
    body: `{${JSON.stringify(key)}:${text}${rest}}`,
    ...(refused && { refused: notValid }),
  }));
}
