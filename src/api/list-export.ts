import { z } from 'zod';
import { Rejection } from '../rejection.ts';
import { byteOrderMark, csvLine } from './csv.ts';
import { notAcceptable } from './not-acceptable.ts';
import { flag } from './query-parameters.ts';
import type { Answer, RequestContext } from './route.ts';

/** How a whole list may be had instead of a page of it. */
export const exportFormats = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Of every list that can be exported. */
export const exportParameters = {
  format: z
    .enum(['json', ...exportFormats])
    .optional()
    .meta({
      description:
        '`csv` and `ndjson` stream the whole list instead of a page; page sizes have no effect on them. By `Accept` when left out. ' +
        'Not together with `page`, `skip` or `cursor`, except for `json`.',
    }),
  bom: flag('Whether a CSV begins with a byte-order mark, which Excel needs to read it as UTF-8.'),
};

/**
 * The form that a list is answered in: the one that `format` names, if `Accept` admits it; without `format`, what `Accept` prefers.
 * @throws NOT_ACCEPTABLE; VALIDATION_FAILED when a part is asked for of a list that `Accept` would have as a whole
 */
export function exportFormatOf(query: Record<string, unknown>, request: Pick<RequestContext, 'preferred'>): ExportFormat | undefined {
  const types = { json: 'application/json', ...exportTypes };
  const admitted = typeof query.format === 'string' ? [types[query.format as keyof typeof types]] : Object.values(types);
  const preferred = request.preferred(admitted);
  if (preferred === undefined) throw notAcceptable(admitted);
  const format = exportFormats.find((known) => exportTypes[known] === preferred);
  const part = format && pagings.find((name) => query[name] !== undefined);
  if (part)
    throw new Rejection('VALIDATION_FAILED', 'The request is not valid', [
      { path: `query.${part}`, message: noPart, code: 'conflicts_with' },
    ]);
  return format;
}

const pagings = ['page', 'skip', 'cursor'];
const noPart = 'cannot go together with a format that streams the whole list';

/** With a stream of the whole list there is no part to ask for. */
export function wholeWhenExported<S extends z.ZodObject>(schema: S): S {
  return pagings.reduce((checked, name) => {
    const conflict = (query: Record<string, unknown>) => query[name] !== undefined && isExport(query.format);
    return checked.refine((query) => !conflict(query), {
      path: [name],
      error: noPart,
      params: { code: 'conflicts_with' },
      when: () => true,
    });
  }, schema);
}

function isExport(format: unknown): format is ExportFormat {
  return exportFormats.some((known) => known === format);
}

export const exportTypes: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson',
};

/** The media types of a list's answer, beside JSON. */
export const exportContentTypes = ['text/csv', 'application/x-ndjson'];

/** The columns of a list as CSV: a name, and the cell that an item has there. */
export type CsvColumns<Item> = readonly (readonly [name: string, cell: (item: Item) => string | number | boolean | null])[];

export interface Export<Item> {
  /** Of the file that a browser saves it to, without the extension. */
  name: string;
  format: ExportFormat;
  /** Whether a CSV begins with a byte-order mark. */
  bom?: boolean | undefined;
  /** Items as JSON. */
  batches: AsyncIterable<readonly string[]>;
  columns: CsvColumns<Item>;
}

/** Answers a whole list as it is read. */
export function exportAnswer<Item>({ name, format, bom = false, batches, columns }: Export<Item>, headers: Record<string, string>): Answer {
  return {
    status: 200,
    headers: { ...headers, 'Content-Disposition': `attachment; filename="${name}.${format}"` },
    stream: { contentType: exportTypes[format], chunks: format === 'csv' ? csv(batches, columns, bom) : ndjson(batches) },
  };
}

async function* ndjson(batches: AsyncIterable<readonly string[]>): AsyncGenerator<string> {
  for await (const items of batches) yield items.map((item) => `${item}\n`).join('');
}

/** The heading comes with the first rows, so that a list that cannot be read is an error and not a heading. */
async function* csv<Item>(batches: AsyncIterable<readonly string[]>, columns: CsvColumns<Item>, bom: boolean): AsyncGenerator<string> {
  let heading = (bom ? byteOrderMark : '') + csvLine(columns.map(([name]) => name));
  for await (const items of batches) {
    yield heading + items.map((item) => lineOf(JSON.parse(item) as Item, columns)).join('');
    heading = '';
  }
  if (heading !== '') yield heading;
}

function lineOf<Item>(item: Item, columns: CsvColumns<Item>): string {
  return csvLine(columns.map(([, cell]) => cell(item)));
}
