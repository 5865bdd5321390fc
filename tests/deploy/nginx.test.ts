import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import { compose, instances, parseNginx, read, within } from './files.ts';

describe('deploy/nginx.conf', () => {
  const [http] = within(parseNginx(read('deploy/nginx.conf')), 'http');
  const [upstream] = within(http!.block!, 'upstream');
  const [server] = within(http!.block!, 'server');

  test('is where compose puts it, and listens where compose publishes', () => {
    const { proxy } = compose.services;
    expect(proxy!.volumes).toEqual(['./deploy/nginx.conf:/etc/nginx/nginx.conf:ro']);
    const [listen] = within(server!.block!, 'listen');
    expect(listen!.words).toEqual([proxy!.ports![0]!.split(':')[2]]);
    expect(proxy!.healthcheck!.test.at(-1)).toBe(`http://127.0.0.1:${listen!.words[0]}/health`);
  });

  test('spreads requests over the instances, all of them', () => {
    expect(within(upstream!.block!, 'server').map(({ words }) => words[0])).toEqual(
      instances.map(([name, { environment }]) => `${name}:${environment!.PORT}`),
    );
    expect(within(upstream!.block!, 'zone')).toHaveLength(1);
    const locations = within(server!.block!, 'location');
    expect(locations.map(({ words }) => words[0])).toContain('/');
    for (const { block } of locations.filter(({ block }) => within(block!, 'return').length === 0))
      expect(within(block!, 'proxy_pass')[0]!.words).toEqual([`http://${upstream!.words[0]}`]);
  });

  test('answers what it refuses by itself with the JSON error of the service', () => {
    const pages = within(server!.block!, 'error_page').flatMap(({ words }) => words.slice(0, -1).map((status) => [status, words.at(-1)!]));
    expect(pages.map(([status]) => Number(status)).sort()).toEqual([400, 404, 405, 408, 413, 414, 494, 501, 502, 504]);
    const answers = pages.map(([status, path]) => {
      const [location] = within(server!.block!, 'location').filter(({ words }) => words[0] === '=' && words[1] === path);
      expect(within(location!.block!, 'internal')).toHaveLength(1);
      const [given, text] = within(location!.block!, 'return')[0]!.words as [string, string];
      const { error } = JSON.parse(text.slice(1, -1)) as { error: Record<string, unknown> };
      expect(Object.keys(error)).toEqual(['code', 'message', 'request_id', 'details']);
      const headers = within(location!.block!, 'add_header').map(({ words }) => words);
      expect(headers).toContainEqual(['X-Request-ID', '$shown_request_id', 'always']);
      return [Number(status), Number(given), error.code, headers.some(([name]) => name === 'Retry-After')];
    });
    expect(answers.toSorted()).toEqual([
      [400, 400, 'MALFORMED_REQUEST', false],
      [404, 404, 'ROUTE_NOT_FOUND', false],
      [405, 405, 'METHOD_NOT_ALLOWED', false],
      [408, 408, 'REQUEST_TIMEOUT', false],
      [413, 413, 'BODY_TOO_LARGE', false],
      [414, 414, 'URI_TOO_LONG', false],
      [494, 400, 'MALFORMED_REQUEST', false],
      [501, 501, 'TRANSFER_CODING_UNKNOWN', false],
      [502, 502, 'PROXY_FAILED', true],
      [504, 504, 'PROXY_FAILED', true],
    ]);
  });

  test('closes what tells of the installation, and work without an account, to those outside', () => {
    const closed = within(server!.block!, 'location').filter(({ words, block }) => words[0] === '~' && within(block!, 'return').length > 0);
    const isClosed = (path: string) => closed.some(({ words }) => new RegExp(words[1]!).test(path));
    const shut = ['/metrics', '/ops/metrics', '/health/detailed', '/async', '/async/background-task', '/async/tasks/1', '/async/external'];
    for (const path of shut) expect([path, isClosed(path), isClosed(`${path}/`)]).toEqual([path, true, true]);
    for (const path of [
      '/',
      '/health',
      '/ops/health',
      '/ready',
      '/version',
      '/openapi.json',
      '/asyncapi.json',
      '/api/v1/tasks',
      '/metricsx',
    ])
      expect([path, isClosed(path)]).toEqual([path, false]);
    for (const { block } of closed) expect(within(block!, 'return')[0]!.words).toEqual(['404']);
  });

  test('writes nowhere but below /tmp, as its file system is read-only', () => {
    const main = parseNginx(read('deploy/nginx.conf'));
    for (const name of ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'])
      expect(within(http!.block!, `${name}_temp_path`)[0]!.words[0]).toMatch(/^\/tmp\//);
    expect(within(main, 'pid')[0]!.words[0]).toMatch(/^\/tmp\//);
  });

  test('tells the instance who called, lets uploads through, and waits for open streams', () => {
    const headers = Object.fromEntries(within(server!.block!, 'proxy_set_header').map(({ words }) => words as [string, string]));
    expect(headers).toMatchObject({ 'X-Forwarded-For': '$proxy_add_x_forwarded_for', Host: '$http_host', Connection: '""' });
    const { files } = loadConfig({});
    expect(Number.parseInt(within(server!.block!, 'client_max_body_size')[0]!.words[0]!, 10) * 2 ** 20).toBeGreaterThan(files.maxSize);
    expect(Number.parseInt(within(server!.block!, 'proxy_read_timeout')[0]!.words[0]!, 10)).toBeGreaterThan(15);
    expect(Number.parseInt(within(upstream!.block!, 'keepalive_timeout')[0]!.words[0]!, 10)).toBeLessThan(65);
    const unbuffered = within(server!.block!, 'location').filter(({ block }) => within(block!, 'proxy_buffering')[0]?.words[0] === 'off');
    const passes = (path: string) => unbuffered.some(({ words }) => words[0] === '~' && new RegExp(words[1]!).test(path));
    for (const path of ['events/stream', 'activity/tasks/1/replay', 'files/1', 'tasks/1/files'])
      expect(passes(`/api/v1/${path}`)).toBe(true);
    expect(passes('/api/v1/tasks/1')).toBe(false);
  });
});
