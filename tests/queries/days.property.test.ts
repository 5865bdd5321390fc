import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { momentsBetween, offsetsOf, plusDays } from '../../src/api/days.ts';
import { ann, aTask } from './given-tasks.ts';
import { openReadSide, type ReadSide } from './read-side.ts';

jest.setTimeout(60_000);

const timezones = [
  ...['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'],
  // Berlin has days of 23 and 25 hours, Lord Howe of 23.5 and 24.5, São Paulo had one without midnight, and Apia skipped one.
  ...['Europe/Berlin', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Pacific/Apia'],
];
const firstDays = ['2026-03-27', '2026-10-23', '2018-11-02', '2011-12-28', '2026-04-03'];
const hours = Array.from({ length: 24 * 5 }, (_, n) => n);
const times = firstDays.flatMap((day) =>
  hours.flatMap((hour) => [0, 1, 15 * 60_000, 30 * 60_000].map((ms) => new Date(Date.parse(day) + hour * 3_600_000 + ms).toISOString())),
);

const dateForms = new Map(timezones.map((timeZone) => [timeZone, new Intl.DateTimeFormat('en-CA', { timeZone })]));
const dateOf = (time: string, timezone: string) => dateForms.get(timezone)!.format(new Date(time));

const tasks = times.map((time, n) => aTask(n, { created_at: time, updated_at: time }));
let readSide: ReadSide;
beforeAll(async () => {
  readSide = await openReadSide();
  await readSide.tasks(tasks);
});
afterAll(() => readSide?.close());

const date = fc.tuple(fc.constantFrom(...firstDays), fc.nat(5)).map(([day, n]) => plusDays(day, n));

test("a date in a filter is a day of the caller's, whatever their clocks do on it", async () => {
  const bound = fc.option(date, { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...timezones),
      bound,
      bound,
      fc.constantFrom('created', 'updated'),
      async (timezone, after, before, of) => {
        const filters = { [of]: momentsBetween(after, before, timezone) };
        const sort = { by: 'created_at', descending: false } as const;
        const list = { reader: { id: ann, isAdmin: false }, today: '2026-01-05', scope: 'owned', filters, sort } as const;
        const listed: string[] = [];
        for await (const batch of readSide.queries.exportTasks(list, new AbortController().signal)) listed.push(...batch);
        const expected = times.filter((time) => {
          const day = dateOf(time, timezone);
          return (after === undefined || day >= after) && (before === undefined || day <= before);
        });
        expect(listed.map((item) => JSON.parse(item).created_at).sort()).toEqual(expected.sort());
      },
    ),
    { numRuns: 60 },
  );
});

test.each(timezones)('the offsets that PostgreSQL counts days by make the dates of %s', async (timezone) => {
  const { starts, seconds } = offsetsOf(timezone);
  const { rows } = await readSide.pool.query<{ time: Date; day: string }>(
    `select time, to_char(time at time zone 'UTC' + make_interval(secs => ($2::integer[])[greatest(1, width_bucket(time, $1::timestamptz[]))]),
       'YYYY-MM-DD') as day from unnest($3::timestamptz[]) time`,
    [starts, seconds, times],
  );
  expect(rows.map(({ day }) => day)).toEqual(times.map((time) => dateOf(time, timezone)));
});
