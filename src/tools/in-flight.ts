import { UsageError } from './command-line.ts';

/** How many appends to EventStoreDB may be on their way at once: see LogImport. With one, their order is kept whatever the server does. */
export const inFlightOption = { type: 'string' } as const;

const MOST = 1_000;

/** @returns undefined when it is not said @throws UsageError */
export function inFlightOf({ 'in-flight': text }: { 'in-flight'?: string | undefined }): number | undefined {
  if (text === undefined) return undefined;
  const given = Number(text);
  if (!Number.isInteger(given) || given < 1 || given > MOST) throw new UsageError(`--in-flight is a number from 1 to ${MOST}`);
  return given;
}
