import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import {
  becomesTrue,
  commandOf,
  endBySignals,
  isAlive,
  runningProcesses,
  type SignalStep,
} from '../../../src/platform/postgres/processes.ts';

const steps: SignalStep[] = [
  ['SIGINT', 100],
  ['SIGQUIT', 100],
  ['SIGKILL', 1_000],
];

test('a process that ignores the polite signals is killed in the end', async () => {
  const child = spawn('sh', ['-c', 'trap "" INT QUIT; echo ready; while :; do sleep 0.05; done'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const sent: string[] = [];
  const send = (signal: NodeJS.Signals) => {
    sent.push(signal);
    child.kill(signal);
  };
  expect(await endBySignals(send, async () => child.signalCode !== null, steps)).toBe(true);
  expect(sent).toEqual(['SIGINT', 'SIGQUIT', 'SIGKILL']);
  expect(child.signalCode).toBe('SIGKILL');
});

test('a process that goes at the first signal gets no other', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const sent: string[] = [];
  const send = (signal: NodeJS.Signals) => {
    sent.push(signal);
    child.kill(signal);
  };
  expect(await endBySignals(send, async () => child.signalCode !== null, steps)).toBe(true);
  expect(sent).toEqual(['SIGINT']);
});

test('what never ends is reported after the bounds', async () => {
  expect(
    await endBySignals(
      () => {},
      async () => false,
      [['SIGINT', 30]],
    ),
  ).toBe(false);
});

test('processes are listed with their command lines, until they end', async () => {
  const child = spawn('sleep', ['61'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  try {
    expect(await becomesTrue(async () => (await commandOf(pid)) === 'sleep 61', 1_000)).toBe(true);
    expect(await runningProcesses()).toContainEqual({ pid, command: 'sleep 61' });
    expect(isAlive(pid)).toBe(true);
  } finally {
    child.kill();
  }
  await once(child, 'exit');
  expect(await commandOf(pid)).toBe('');
  expect(isAlive(pid)).toBe(false);
});
