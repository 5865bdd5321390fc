import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inherited } from '../support/service-process.ts';

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningTool {
  child: ChildProcess;
  outcome: Promise<Outcome>;
}

/** A directory for the tools and services of a test to keep what they keep. */
export function dataDirectory(): { path: string; remove(): Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'tasktrail-tools-'));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Starts a tool as `npm run` does, in an environment of its own. */
export function startTool(name: string, args: readonly string[], environment: Record<string, string>): RunningTool {
  const script = join(import.meta.dirname, '..', '..', 'src', 'tools', `${name}.ts`);
  const keys = Object.fromEntries(['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'].map((key) => [key, `${key} of the tests, long enough`]));
  const child = spawn(process.execPath, [script, ...args], {
    cwd: environment.DATA_DIR,
    env: { ...inherited(), ENVIRONMENT: 'test', ...keys, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome = Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]).then(([[code], stdout, stderr]) => ({
    code: code as number | null,
    stdout,
    stderr,
  }));
  return { child, outcome };
}

/** Runs a tool to its end. */
export function runTool(name: string, args: readonly string[], environment: Record<string, string>): Promise<Outcome> {
  return startTool(name, args, environment).outcome;
}
