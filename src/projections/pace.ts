import { performance } from 'node:perf_hooks';

/** From this utilization of the event loop on a projector rests, and at that one for as long as it may. */
const BUSY = 0.1;
const SATURATED = 0.95;
/** The span that utilization is told of, in milliseconds. */
const SAMPLE = 100;

/**
 * A batch costs a transaction however few events are in it: half a dozen statements, as much time as several commands. The more this
 * process has to do, the longer projectors let events gather, so that the time goes to requests; whenever somebody waits for a read
 * model, they do not, and what comes after a quiet moment is applied at once.
 */
export interface Pace {
  /** Milliseconds to let events gather for before the next batch, of as many as it may be at most. */
  rest(longest: number): number;
}

/** @param loop what is observed: the event loop of this process, when left out */
export function createPace(loop: ObservedLoop = observedLoop()): Pace {
  const { now, utilization } = loop;
  let sampledAt = now();
  let busyness = 0;
  return {
    rest(longest) {
      if (now() - sampledAt >= SAMPLE) {
        sampledAt = now();
        busyness = Math.min(Math.max((utilization() - BUSY) / (SATURATED - BUSY), 0), 1);
      }
      return longest * busyness;
    },
  };
}

interface ObservedLoop {
  /** In milliseconds. */
  now(): number;
  /** From 0 to 1, since it was last asked for. */
  utilization(): number;
}

function observedLoop(): ObservedLoop {
  let sampled = performance.eventLoopUtilization();
  return {
    now: () => performance.now(),
    utilization() {
      const { utilization } = performance.eventLoopUtilization(sampled);
      sampled = performance.eventLoopUtilization();
      return utilization;
    },
  };
}
