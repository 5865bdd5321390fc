/** The entity tag of what is at a revision. */
export function revisionEtag(revision: number): string {
  return `"${revision}"`;
}

/** Whether `If-None-Match` names what there is, so that the answer is 304. A weak tag matches the same strong one here (RFC 9110, 13.1.2). */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  const wanted = etag.replace(/^W\//, '');
  return (ifNoneMatch.match(entityTags) ?? []).some((tag) => tag === wanted);
}

/** Whether it is what `If-Match` may be here: one entity tag, or `*`. */
export function isIfMatch(header: string): boolean {
  return header.trim() === '*' || oneEntityTag.test(header.trim());
}

/** Whether it is what `If-None-Match` may be: entity tags with commas between them, or `*`. */
export function isIfNoneMatch(header: string): boolean {
  return header.trim() === '*' || listOfEntityTags.test(header.trim());
}

/** @returns `none` for a tag that no revision has, weak ones included; undefined without the header. */
export function parseIfMatch(header: string | undefined): number | 'any' | 'none' | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return 'any';
  const revision = revisionTag.exec(header.trim())?.[1];
  return revision === undefined ? 'none' : Number(revision);
}

/** @returns the revisions that the header names, by strong tags or weak ones; undefined without the header. */
export function parseIfNoneMatch(header: string | undefined): readonly number[] | 'any' | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return 'any';
  return (header.match(entityTags) ?? []).flatMap((tag) => revisionTag.exec(tag)?.[1] ?? []).map(Number);
}

// RFC 9110, 8.8.3. Header values arrive as Latin-1, so that obs-text is U+0080 to U+00FF.
const oneEntityTag = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const listOfEntityTags = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*$/;
const revisionTag = /^"(0|[1-9]\d{0,14})"$/;
const entityTags = /"[\x21\x23-\x7e\x80-\xff]*"/g;
