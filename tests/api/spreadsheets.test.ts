import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Client, createClient, startTestService, type TestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';

const titles = ['=1+1', "'=1", 'Ümläute', 'x;=cmd', '\u00a0@SUM(A1)'];

let service: TestService;
let ann: Client;
beforeAll(async () => {
  service = await startTestService();
  ann = await service.someone('ann');
  for (const title of titles) await ann.post('/tasks', { title: 'Any', description: title });
});
afterAll(() => service?.stop());

const descriptionsIn = (text: string) => [...text.matchAll(/,Any,("(?:[^"]|"")*"|[^,]*)/g)].map(([, cell]) => cell).sort();

test.each(['/tasks?format=csv', '/activity?format=csv'])('%s begins with a byte-order mark if that is asked for', async (path) => {
  const withMark = await fetch(`${service.url}/api/v1${path}&bom=true`, { headers: { authorization: `Bearer ${ann.token}` } });
  expect([...new Uint8Array(await withMark.arrayBuffer()).slice(0, 5)]).toEqual([0xef, 0xbb, 0xbf, 'i'.charCodeAt(0), 'd'.charCodeAt(0)]);
  expect((await ann.get(path)).text.startsWith('id,')).toBe(true);
  expect((await ann.get(`${path}&bom=yes`)).status).toBe(422);
});

test('cells that a spreadsheet would run have an apostrophe before them, and not without the guard', async () => {
  const expected = [`"'\u00a0@SUM(A1)"`, `"''=1"`, `"'=1+1"`, '"x;=cmd"', 'Ümläute'].sort();
  expect(descriptionsIn((await ann.get('/tasks?format=csv')).text)).toEqual(expected);
  const weakened = await startWeakened(service);
  try {
    await weakened.without('cells are guarded');
    const { text } = await createClient(weakened.url, ann.token).get('/tasks?format=csv');
    expect(descriptionsIn(text)).toEqual(['\u00a0@SUM(A1)', "'=1", '=1+1', '"x;=cmd"', 'Ümläute'].sort());
  } finally {
    await weakened.stop();
  }
}, 60_000);
