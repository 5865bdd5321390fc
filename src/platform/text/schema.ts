import type pg from 'pg';
import type { Migration } from '../postgres/migrate.ts';

/**
 * Code points that a search ignores: accents, Hebrew and Arabic points, the stretching of Arabic words, variation selectors, and format
 * characters that have no width. Vowels and tones of Thai, Indic and other scripts are marks too, and stay: they make another word.
 */
const ignored =
  '\\u00ad\\u0300-\\u036f\\u0483-\\u0487\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u05c4\\u05c5\\u05c7\\u0610-\\u061a\\u0640\\u064b-\\u065f' +
  '\\u0670\\u06d6-\\u06dc\\u06df-\\u06e4\\u06e7\\u06e8\\u06ea-\\u06ed\\u0711\\u0730-\\u074a\\u08ca-\\u08e1\\u08e3-\\u08ff\\u1ab0-\\u1aff' +
  '\\u1dc0-\\u1dff\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u20d0-\\u20ff\\ufe00-\\ufe0f\\ufe20-\\ufe2f\\ufeff' +
  '\\U000e0000-\\U000e0fff';

/** Read models keep what these functions return: a function never changes. Another rule is a function of another name. */
const foldAndAlphabet = `
create schema texts;

-- The order of titles: Unicode's root collation without case. Titles that differ only in case are equal, and then the id decides.
create collation texts.alphabet (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- The form in which texts are compared: lower case, canonical form, without accents and points. Some letters have no decomposition:
-- the table below lists them. ASCII, the most frequent text, takes the short way.
create function texts.fold(content text) returns text language plpgsql immutable strict parallel safe as $$
begin
  if octet_length(content) = length(content) then
    return lower(content collate "C");
  end if;
  content := regexp_replace(normalize(lower(content collate "und-x-icu"), nfd), '[${ignored}]', '', 'g');
  if octet_length(content) = length(content) then
    return content;
  end if;
  content := translate(content, 'łđðøħıŧŋĸƒςٱ', 'lddohitnqfσا');
  content := replace(replace(replace(replace(content, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
  return normalize(content, nfc);
end $$;
`;

/** How texts are compared and sorted, for every part of the service: before the parts that use the functions. */
export const textMigrations: readonly Migration[] = [{ name: '0001-fold-and-alphabet', sql: foldAndAlphabet }];

/** Names in the database. */
export const fold = 'texts.fold';
/** Titles: case-insensitive, so that ties can go by id. */
export const titleCollation = 'texts.alphabet';
/** Names that are unique as they are written: the same order, and different names are never equal. */
export const nameCollation = '"und-x-icu"';

/** @throws Error when the server cannot sort by Unicode's root collation */
export async function requireIcu(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ has: boolean }>(
    `select exists (select from pg_collation where collname = 'und-x-icu' and collprovider = 'i') as has`,
  );
  if (rows[0]!.has) return;
  throw new Error(
    'The PostgreSQL server has no ICU collations, by which titles and names are sorted. Set DATABASE_URL to a server that was built with ICU, as the packages of all distributions are.',
  );
}
