import { UsageError } from './command-line.ts';

/** How many appends to EventStoreDB may be under way at once. One keeps the order of the log by itself; more are faster, see appendInOrder. */
export const inFlightOption = { type: 'string' } as const;

const MOST = 256;

/** @throws UsageError */
export function inFlightOf(values: { 'in-flight'?: string | undefined }): number {
  const given = Number(values['in-flight'] ?? 1);
  if (!Number.isInteger(given) || given < 1 || given > MOST) throw new UsageError(`--in-flight is a number from 1 to ${MOST}`);
  return given;
}
