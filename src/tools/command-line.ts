import { type Closing, createClosing } from '../platform/closing.ts';
import { createLog, type Logger } from '../platform/logging.ts';
import { createProgressBar, type ProgressBar } from './progress-bar.ts';

/** What a tool is given to work with. */
export interface Tool {
  /** Of Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  closing: Closing;
  /** For the parts of the service: what they warn of is shown. */
  logger: Logger;
  progress: ProgressBar;
  /** Tells the person at the terminal something, on standard output, below the progress. */
  say(line: string): void;
}

/** The arguments are not what the tool takes. */
export class UsageError extends Error {
  override name = 'UsageError';
}

const STOPPED = 130;

/** What the exit code of 1 says, where that is more than that the tool could not do what was asked. */
const usualFailure = 'it could not do what was asked; the message says why';

/**
 * Runs a tool to its end: exit code 0 when it did what was asked, 1 when it could not, 2 when it was asked wrongly, 130 when it was
 * stopped. What it opened is closed in any case. Asked for `--help`, it says how it is used, and does nothing.
 */
export async function runTool(usage: string, run: (tool: Tool) => Promise<void>, failure = usualFailure): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(helpOf(usage, failure));
    process.exit(0);
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  const progress = createProgressBar();
  const complain = (line: string) => {
    progress.end();
    process.stderr.write(`${line}\n`);
  };
  const say = (line: string) => {
    progress.end();
    process.stdout.write(`${line}\n`);
  };
  const logger = createLog({ level: 'warn', format: 'json' }, { write: (line) => complain(plain(line)) });
  const closing = createClosing((name, error) => complain(`${name} could not be closed: ${error}`));
  let code = 0;
  try {
    await run({ signal: stopping.signal, closing, logger, progress, say });
  } catch (error) {
    code = stopping.signal.aborted ? STOPPED : isMisuse(error) ? 2 : 1;
    complain(stopping.signal.aborted ? 'stopped' : describe(error));
    if (code === 2) complain(`usage: ${usage}`);
  }
  await closing.close();
  process.exit(code);
}

function helpOf(usage: string, failure: string): string {
  return `usage: ${usage}

Exit codes:
    0  it did what was asked
    1  ${failure}
    2  it was asked wrongly; the usage follows
  130  it was stopped by a signal
`;
}

function isMisuse(error: unknown): boolean {
  return error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message || error.name}${cause}`;
}

/** The message of a line of log, and what was the matter. */
function plain(line: string): string {
  const { message, error } = JSON.parse(line) as { message: string; error?: { message?: string } };
  return error?.message ? `${message}: ${error.message}` : message;
}
