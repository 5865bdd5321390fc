// RFC 7240, 2: preferences with commas between them, each with parameters behind semicolons; a value is a token or a quoted string.
const preferences = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
const withoutParameters = /^(?:[^;"]|"(?:[^"\\]|\\.)*"?)*/;
const nameAndValue = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?\s*$/;

/** The value of a preference in a `Prefer` header: of its first mention, empty where it has none; undefined where it is not there. */
export function preferenceIn(header: string, wanted: string): string | undefined {
  for (const [preference] of header.matchAll(preferences)) {
    const [, name, quoted, token] = nameAndValue.exec(withoutParameters.exec(preference)![0]) ?? [];
    if (name?.toLowerCase() === wanted) return quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
  }
  return undefined;
}
