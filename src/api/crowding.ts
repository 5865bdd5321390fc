import { setTimeout as pause } from 'node:timers/promises';
import { Rejection } from '../rejection.ts';
import type { Endpoint } from './endpoint.ts';
import type { Answer } from './route.ts';

/**
 * How many commands are carried out at once. So many at a rate r wait for n / r, on a fast machine and on a slow one: with five times as
 * many as it takes to be busy, nobody who is let in waits much longer than at other times.
 */
const MOST_AT_ONCE = 256;
/** Milliseconds that a refusal is held back: whoever waits for it on their connection asks for nothing else, and costs nothing. */
const HELD_FOR = 1_000;
/** More than so many are not held: they are told at once. */
const MOST_HELD = 5_000;

/** Keeps commands from waiting behind too many others. Reading, signing in and uploading are not counted, and have bounds of their own. */
export interface Crowding {
  /** Undefined when there is room, or no need of it. @throws OVERLOADED when there is none, a while later */
  refusal(endpoint: Endpoint): Promise<never> | undefined;
  carryOut(endpoint: Endpoint, handle: () => Promise<Answer> | Answer): Promise<Answer>;
}

export function createCrowding({ mostAtOnce = MOST_AT_ONCE, heldFor = HELD_FOR, mostHeld = MOST_HELD } = {}): Crowding {
  let underWay = 0;
  let held = 0;

  async function refuse(): Promise<never> {
    if (held < mostHeld) {
      held++;
      await pause(heldFor);
      held--;
    }
    throw new Rejection('OVERLOADED', 'More is asked for than can be done just now');
  }

  return {
    refusal: (endpoint) => (underWay >= mostAtOnce && isCounted(endpoint) ? refuse() : undefined),
    async carryOut(endpoint, handle) {
      if (!isCounted(endpoint)) return handle();
      underWay++;
      try {
        return await handle();
      } finally {
        underWay--;
      }
    },
  };
}

function isCounted({ method, route }: Endpoint): boolean {
  return method !== 'GET' && route.needs !== 'open' && !route.root && route.upload === undefined;
}
