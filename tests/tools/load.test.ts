import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { localUrl } from '../../src/tools/load/local-url.ts';
import { table } from '../../src/tools/load/table.ts';
import { createTally } from '../../src/tools/load/tally.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(60_000);

describe('on a service that runs', () => {
  const directory = dataDirectory();
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ RATE_LIMIT_PER_MINUTE: '60', RATE_LIMIT_USER_PER_MINUTE: '0' });
  });
  afterAll(async () => {
    await service?.stop();
    await directory.remove();
  });

  test('reads and writes of every kind are answered as they are meant, and counted as the service counts them', async () => {
    const args = ['--url', service.url, '--users', '4', '--seconds', '2', '--json'];
    const { code, stdout, stderr } = await runTool('load', args, { DATA_DIR: directory.path });
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('loading') });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ url: service.url, users: 4, errors: {}, total: { kind: 'all', errors: 0 } });
    expect(report.total.count).toBe(report.kinds.reduce((sum: number, { count }: { count: number }) => sum + count, 0));
    const { p50, p95, p99, max, per_second, count } = report.total;
    expect([p50 > 0, p50 <= p95, p95 <= p99, p99 <= max]).toEqual([true, true, true, true]);
    // Both are told to two digits behind the point, and are to differ by no more than that makes of the count.
    expect(Math.abs(per_second * report.seconds - count)).toBeLessThan(0.005 * (per_second + report.seconds) + 0.001);
    const { total_requests } = (await service.anonymous.send('GET', '/ops/metrics')).body;
    expect(total_requests).toBe(count + 4);
  });

  test('that limits how many register, it is told which limits to lift', async () => {
    const args = ['--url', service.url, '--users', '30', '--seconds', '1'];
    const { code, stderr } = await runTool('load', args, { DATA_DIR: directory.path });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('RATE_LIMIT_PER_MINUTE=0') });
  });

  test('that is not there, it says so', async () => {
    const outcome = await runTool('load', ['--url', 'http://127.0.0.1:1', '--users', '1', '--seconds', '1'], { DATA_DIR: directory.path });
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('No service answers at http://127.0.0.1:1') });
  });
});

describe('an address', () => {
  test.each(['http://127.0.0.1:8000', 'http://localhost', 'http://[::1]:8000/', 'http://127.9.9.9'])(
    'on this machine is taken: %s',
    (url) => {
      expect(localUrl(url).href).toContain(new URL(url).host);
    },
  );

  test.each([
    'http://10.0.0.1:8000',
    'http://192.168.1.5',
    'http://0.0.0.0:8000',
    'http://tasks.example',
    'http://localhost.tasks.example',
    'http://127.0.0.1@tasks.example',
    'http://127.0.0.1.nip.io',
    'http://[::ffff:10.0.0.1]',
    'https://127.0.0.1',
    'file:///etc/passwd',
    'nonsense',
    '',
  ])('of any other is refused: %s', (url) => {
    expect(() => localUrl(url)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});

test('the table tells of each kind, and of each error how often it came', () => {
  const tally = createTally(['read', 'write']);
  for (let i = 1; i <= 1000; i++) tally.record('read', i / 10);
  tally.record('write', 250, '429 RATE_LIMITED');
  const lines = table(tally.report({ url: 'http://127.0.0.1:8000', seconds: 10, users: 3 })).split('\n');
  expect(lines[1]).toMatch(/^request +count +per second +p50 ms +p95 ms +p99 ms +max ms +errors$/);
  expect(lines[2]).toMatch(/^read +1000 +100\.0 +50\.\d +9[45]\.\d +99\.\d +100\.\d +0$/);
  expect(lines[3]).toMatch(/^write +1 +0\.1 +250\.\d +250\.\d +250\.\d +250\.\d +1$/);
  expect(lines[4]).toMatch(/^all +1001/);
  expect(lines.slice(5)).toEqual(['errors:', '  429 RATE_LIMITED: 1', expect.stringContaining('RATE_LIMIT_USER_PER_MINUTE=0')]);
});
