import { BadHead, type Head, readHead } from '../events/integrity/signed-head.ts';
import type { RecordCounts } from './record-counts.ts';

export interface FoundRecords {
  /** Null where there is no file of erasures, and no copy of one. */
  erasures: number | null;
  /** The files of signed heads that were found, line by line. */
  headFiles: readonly (readonly string[])[];
}

const REMEDY =
  'bring erasures.ndjson (npm run erase-again) and log-heads.ndjson back from another instance, the bucket or a backup of DATA_DIR before the' +
  ' database is trusted: after a restore, erased people may be back in it';

/**
 * What must have been there and is not: the erasures and the signed heads are kept beside the database, to outlive a restore of it.
 * @param sealed null where nothing was counted yet @returns a sentence for each, with its remedy
 */
export function findMissingRecords(sealed: RecordCounts | null | 'unreadable', { erasures, headFiles }: FoundRecords): string[] {
  if (sealed === null) return [];
  if (sealed === 'unreadable') return [`how many erasures and heads were recorded cannot be opened by MASTER_KEY: ${REMEDY}`];
  const missing: string[] = [];
  if (erasures === null) missing.push(`there is no record of erasures here, although the installation keeps one: ${REMEDY}`);
  else if (erasures < sealed.erasures)
    missing.push(`${erasures} erasures are recorded here, and ${sealed.erasures} were recorded before: ${REMEDY}`);
  const chains = Object.entries(sealed.signedEvents);
  if (chains.length > 0 && headFiles.every((lines) => lines.length === 0))
    missing.push(`there are no signed heads here, although the installation keeps some: ${REMEDY}`);
  for (const lines of headFiles) {
    const [first, last] = [headOf(lines[0]), headOf(lines.at(-1))];
    const signed = first && sealed.signedEvents[first.hash];
    if (signed !== undefined && last && last.events < signed)
      missing.push(`the signed heads end with ${last.events} events, and ${signed} were signed before: lines were cut off; ${REMEDY}`);
  }
  return missing;
}

/** @returns undefined for what is no head: who verifies says so */
export function headOf(line: string | undefined): Head | undefined {
  if (line === undefined) return undefined;
  try {
    return readHead(line);
  } catch (error) {
    if (error instanceof BadHead) return undefined;
    throw error;
  }
}
