import { SingleBar } from 'cli-progress';

/** How far a piece of work is: a bar that moves on a terminal, and otherwise a line now and then. */
export interface ProgressBar {
  /** @param done from 0 to 1; @param detail what else there is to tell, in a few words */
  show(phase: string, done: number, detail: string): void;
  /** Leaves the last of it where it is. */
  end(): void;
}

const LINE_EVERY_MS = 5_000;

export function createProgressBar(): ProgressBar {
  return process.stderr.isTTY ? movingBar() : plainLines();
}

function movingBar(): ProgressBar {
  let bar: { phase: string; of: SingleBar } | undefined;
  const end = () => {
    bar?.of.stop();
    bar = undefined;
  };
  return {
    show(phase, done, detail) {
      if (bar?.phase !== phase) {
        end();
        const format = `${phase} [{bar}] {percentage} % · {eta_formatted} left · {detail}`;
        bar = { phase, of: new SingleBar({ format, etaBuffer: 100, formatTime: duration }) };
        bar.of.start(1000, 0, { detail });
      }
      bar.of.update(Math.round(done * 1000), { detail });
    },
    end,
  };
}

function plainLines(): ProgressBar {
  let phase = '';
  let since = 0;
  let begun = 0;
  let shown = -Infinity;
  return {
    show(next, done, detail) {
      const now = performance.now();
      if (next !== phase) [phase, since, begun, shown] = [next, now, done, -Infinity];
      if (now - shown < LINE_EVERY_MS && done < 1) return;
      shown = now;
      const rate = (done - begun) / (now - since);
      const left = rate > 0 && done < 1 ? `, ${duration((1 - done) / rate / 1000)} left` : '';
      process.stderr.write(`${phase}: ${Math.floor(done * 100)} %${left}, ${detail}\n`);
    },
    end() {},
  };
}

/** The bar's library says INF where nothing moves. */
function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
