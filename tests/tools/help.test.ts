import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import { dataDirectory, runTool } from './run-tool.ts';

jest.setTimeout(60_000);

const directory = dataDirectory();
afterAll(() => directory.remove());

const scripts = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')).scripts as Record<string, string>;
const tools = Object.entries(scripts).flatMap(([name, script]) => (script.startsWith('node src/tools/') ? [name] : []));

test('every tool answers --help with its usage and its exit codes, and touches nothing', async () => {
  expect(tools).toEqual(expect.arrayContaining(['adopt-log', 'verify', 'rotate-keys', 'resume-subscriber', 'export', 'import']));
  const answers = await Promise.all(
    tools.map((name) => runTool(name, ['--help'], { DATA_DIR: directory.path, DATABASE_URL: 'postgres://127.0.0.1:1/none' })),
  );
  for (const [index, { code, stdout }] of answers.entries()) {
    expect({ name: tools[index], code }).toEqual({ name: tools[index], code: 0 });
    expect(stdout).toMatch(new RegExp(`usage: npm run ${tools[index]}\\b[^]*Exit codes:\\n +0 [^]*\\n +1 [^]*\\n +2 [^]*\\n +130 `));
  }
});
