import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { createLog, type LogSettings } from '../../src/platform/logging.ts';

const run = promisify(execFile);
const logging = new URL('../../src/platform/logging.ts', import.meta.url).href;

function logged(settings: Partial<LogSettings>, write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog({ level: 'info', format: 'json', ...settings }, { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line));
}

describe('a line', () => {
  test('says when, how grave, who and what', () => {
    const [line] = logged({}, (log) => log.named('projector').warn({ lag_events: 3 }, 'behind'));
    expect(line).toEqual({ timestamp: expect.stringMatching(/Z$/), level: 'warn', logger: 'projector', message: 'behind', lag_events: 3 });
    expect(Math.abs(Date.parse(String(line!.timestamp)) - Date.now())).toBeLessThan(5000);
  });

  test('is written from its level on', () => {
    const lines = logged({ level: 'warn' }, (log) => {
      log.info({}, 'no');
      log.warn({}, 'yes');
    });
    expect(lines.map(({ message }) => message)).toEqual(['yes']);
  });

  test.each(['error', 'silent'] as const)('that is told once is written at the level %s too', (level) => {
    const lines = logged({ level }, (log) => {
      log.warn({}, 'no');
      log.named('accounts').once({ password: 'new' }, 'told once');
    });
    expect(lines).toEqual([{ timestamp: expect.anything(), level: 'warn', logger: 'accounts', password: 'new', message: 'told once' }]);
  });

  test('shows what names an error, and nothing else that it carries', () => {
    const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'canary', query: 'canary' });
    const [line] = logged({}, (log) => log.error({ error: new Error('not written', { cause }) }, 'failed'));
    expect(line!.error).toEqual({
      type: 'Error',
      message: 'not written',
      stack: expect.stringContaining('logging.test.ts'),
      cause: { type: 'Error', message: 'duplicate key', code: '23505', stack: expect.any(String) },
    });
    expect(JSON.stringify(line)).not.toContain('canary');
  });
});

describe('standard output', () => {
  const program = (format: string, more: string) => `
    import { createLog } from ${JSON.stringify(logging)};
    const log = createLog({ level: 'info', format: '${format}' });
    process.on('exit', () => log.flush());
    for (let i = 0; i < 1000; i++) log.info({ i }, 'counted');
    ${more}`;
  const outputOf = async (text: string) => {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', text], { timeout: 20_000 }).catch((error) => error);
    return String(stdout).trim().split('\n');
  };

  test.each(['process.exit(0);', 'throw new Error("gone");', ''])('has every line, however the process ends: %s', async (end) => {
    const lines = await outputOf(program('json', end));
    expect(lines).toHaveLength(1000);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ i: 999 });
  });

  test('has a line within a moment, without being asked', async () => {
    const lines = await outputOf(`
      import { createLog } from ${JSON.stringify(logging)};
      createLog({ level: 'info', format: 'json' }).info({}, 'listening');
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 600);`);
    expect(lines.join()).toContain('listening');
  });

  test('is for people when they wish so', async () => {
    const lines = await outputOf(program('pretty', ''));
    expect(lines.filter((line) => /INFO.*counted/.test(line))).toHaveLength(1000);
  });
});
