/** A media type as headers write it. */
export interface MediaType {
  /** Type and subtype, in lower case. */
  name: string;
  /** By names in lower case, without the quotes of their values; the first of each name counts. */
  parameters: ReadonlyMap<string, string>;
}

const token = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Pieces between separators, where those inside quotes separate nothing. Each character is looked at once. */
const quotedOr = (separator: ',' | ';') => new RegExp(`(?:[^"${separator}]|"(?:[^"\\\\]|\\\\.)*"?)+`, 'g');
const listItems = quotedOr(',');
const parts = quotedOr(';');

/** A header's value, and its parameters by names in lower case: quotes are still around theirs, and the first of each name counts. */
export function splitParameters(header: string): { value: string; parameters: ReadonlyMap<string, string> } {
  const [value = '', ...others] = header.match(parts) ?? [];
  const parameters = new Map<string, string>();
  for (const part of others) {
    const equals = part.indexOf('=');
    const parameter = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (!parameters.has(parameter)) parameters.set(parameter, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  return { value: value.trim(), parameters };
}

/** A media type of one header, whatever the order, case and quoting of its parameters; undefined for what is none (RFC 9110, 8.3.1). */
export function parseMediaType(header: string): MediaType | undefined {
  const { value, parameters } = splitParameters(header);
  const name = value.toLowerCase();
  const [type = '', subtype = '', ...more] = name.split('/');
  if (!token.test(type) || !token.test(subtype) || more.length > 0) return undefined;
  return { name, parameters: new Map([...parameters].map(([parameter, quoted]) => [parameter, unquoted(quoted)])) };
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1') : value;
}

interface Range {
  name: string;
  quality: number;
  /** Its place in the header. */
  place: number;
}

/**
 * Which of these types a caller would have first: by `q`, then by the order of its header, then by the order of the types. Of parameters
 * only `q` counts: those of a type say how its text is written, and clients repeat them as they please.
 * @returns undefined when it takes none of them
 */
export function preferredType<T extends string>(accept: string | undefined, types: readonly T[]): T | undefined {
  if (accept === undefined || accept === '*/*') return types[0];
  const ranges = (accept.match(listItems) ?? []).flatMap(rangeOf);
  const matches = types.flatMap((type) => {
    const range = rangeFor(ranges, parseMediaType(type)?.name ?? type);
    return range && range.quality > 0 ? [{ type, range }] : [];
  });
  const [first] = matches.sort((a, b) => b.range.quality - a.range.quality || a.range.place - b.range.place);
  return first?.type;
}

function rangeOf(item: string, place: number): Range[] {
  const range = parseMediaType(item);
  if (!range) return [];
  const quality = Number(range.parameters.get('q') ?? 1);
  return [{ name: range.name, quality: quality >= 0 && quality <= 1 ? quality : 1, place }];
}

/** The most specific range that a type is of: it says the quality of the type, whatever wider ranges say (RFC 9110, 12.5.1). */
function rangeFor(ranges: readonly Range[], name: string): Range | undefined {
  const wider = [name, `${name.slice(0, name.indexOf('/'))}/*`, '*/*'];
  for (const wanted of wider) {
    const found = ranges.find((range) => range.name === wanted);
    if (found) return found;
  }
  return undefined;
}
