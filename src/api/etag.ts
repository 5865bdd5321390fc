import { Rejection } from '../rejection.ts';

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

/** @returns `none` for a tag that no revision has, weak ones included; undefined without the header. @throws VALIDATION_FAILED for what is no tag */
export function parseIfMatch(header: string | undefined): number | 'any' | 'none' | undefined {
  if (header === undefined) return undefined;
  if (!isIfMatch(header)) {
    throw new Rejection('VALIDATION_FAILED', 'The request is not valid', [
      { path: 'header.if-match', message: 'must be one entity tag, as in "3", or *', code: 'format' },
    ]);
  }
  if (header.trim() === '*') return 'any';
  const revision = /^"(0|[1-9]\d{0,14})"$/.exec(header.trim())?.[1];
  return revision === undefined ? 'none' : Number(revision);
}

// RFC 9110, 8.8.3. Header values arrive as Latin-1, so that obs-text is U+0080 to U+00FF.
const oneEntityTag = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const entityTags = /"[\x21\x23-\x7e\x80-\xff]*"/g;
