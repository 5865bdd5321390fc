import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { today } from '../../src/api/days.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let ann: Client;
beforeAll(async () => {
  service = await startTestService();
  ann = await service.someone('ann');
});
afterAll(() => service?.stop());

const ahead = (ms: number) => new Date(Date.now() + ms).toISOString();
const dayAfter = (date: string) => new Date(Date.parse(date) + 24 * 3_600_000).toISOString().slice(0, 10);
const dayBefore = (date: string) => new Date(Date.parse(date) - 24 * 3_600_000).toISOString().slice(0, 10);

test.each(['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'])(
  'what happens now is on the current day in %s, by the profile or by a parameter, for every filter and statistic',
  async (timezone) => {
    const person = await service.someone(`in-${timezone.split('/')[1]!.toLowerCase()}`);
    const task = (await person.post('/tasks', { title: 'Now', status: 'done' })).body.id;
    const check = async (parameter: string) => {
      const day = today(timezone);
      const counts = await Promise.all(
        [
          `/tasks?created_after=${day}`,
          `/tasks?created_before=${dayBefore(day)}`,
          `/tasks?updated_after=${day}&updated_before=${day}`,
          `/tasks?as_of=${day}`,
          `/tasks?as_of=${dayBefore(day)}`,
          `/activity?start_date=${day}&task_id=${task}`,
          `/activity?end_date=${dayBefore(day)}&task_id=${task}`,
          `/activity/diff?from=${day}&to=${day}`,
        ].map(async (path) => (await person.get(`${path}${parameter}`)).body.total),
      );
      const flow = (await person.get(`/tasks/stats/flow?from=${day}&to=${day}${parameter}`)).body.buckets;
      const stats = (await person.get(`/tasks/stats?${parameter.slice(1)}`)).body;
      const { by_day } = (await person.get(`/activity/stats?${parameter.slice(1)}`)).body;
      return { counts, flow, stats, days: Object.keys(by_day), day };
    };
    const expected = (day: string) => ({
      counts: [1, 0, 1, 1, 0, 1, 0, 1],
      flow: [expect.objectContaining({ start: day, created: 1 })],
      stats: expect.objectContaining({ created_last_7_days: 1, completed_last_7_days: 1 }),
      days: [day],
    });
    const { day, ...byParameter } = await check(`&timezone=${timezone}`);
    expect(byParameter).toEqual(expected(day));
    await person.patch('/auth/me', { timezone });
    const { day: ownDay, ...byProfile } = await check('');
    expect(byProfile).toEqual(expected(ownDay));
  },
);

test('an as_of a moment ahead and the current day are now; what is later is refused', async () => {
  const zone = '&timezone=Pacific/Kiritimati';
  const day = today('Pacific/Kiritimati');
  for (const path of ['/tasks?', '/tasks/stats?', '/tags?']) {
    expect((await ann.get(`${path}as_of=${ahead(4_000)}`)).status).toBe(200);
    expect((await ann.get(`${path}as_of=${day}${zone}`)).status).toBe(200);
    for (const later of [`as_of=${ahead(60_000)}`, `as_of=${dayAfter(day)}${zone}`]) {
      const { status, body } = await ann.get(`${path}${later}`);
      expect([status, body.error.details]).toEqual([422, [expect.objectContaining({ path: 'query.as_of', code: 'too_big' })]]);
    }
  }
  expect((await ann.get(`/activity/diff?from=${day}&to=${ahead(4_000)}${zone}`)).status).toBe(200);
  expect((await ann.get(`/activity/diff?from=${day}&to=${dayAfter(day)}${zone}`)).body.error.details).toMatchObject([{ path: 'query.to' }]);
});

test('a profile keeps the canonical spelling of its time zone', async () => {
  expect((await ann.patch('/auth/me', { timezone: 'europe/berlin' })).body.timezone).toBe('Europe/Berlin');
  expect((await ann.get('/auth/me')).body.timezone).toBe('Europe/Berlin');
});

test('every GET that accepts a date or returns days takes a time zone', async () => {
  type Paths = Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
  const { paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: Paths };
  const ofDates = Object.entries(paths).flatMap(([path, { get }]) => {
    const names = (get?.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name);
    const isOfRevisions = path.endsWith('/tasks/{task_id}/diff');
    const takesDates = names.some((name) => /^(as_of|from|to|(start|end)_date|(created|updated|due)_(after|before))$/.test(name));
    return takesDates && !isOfRevisions ? [{ path, hasTimezone: names.includes('timezone') }] : [];
  });
  expect(ofDates.length).toBeGreaterThan(8);
  expect(ofDates.filter(({ hasTimezone }) => !hasTimezone)).toEqual([]);
});
