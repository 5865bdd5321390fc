import { createRandom } from '../../src/tools/seed/random.ts';
import { firstAdmin } from '../support/service.ts';
import { idAt } from './ids.ts';

export interface Person {
  id: string;
  username: string;
  fullName: string;
  email: string;
}

/** When everybody registered: milliseconds since 1970, before the first task. */
export const REGISTERED = Date.UTC(2023, 11, 1);
/** The password of all of them. */
export const PASSWORD = firstAdmin.password;

/**
 * The people of the made-up log, the same for the same number. Three of them have parts of their own: the first has access to every task
 * (owns each second one, and has a share of the others), the second is the admin, and the last has a few tasks only, however many there are.
 */
export function peopleOf(count: number): Person[] {
  const random = createRandom(4_711);
  return Array.from({ length: count }, (_, n) => {
    const username = n === 1 ? firstAdmin.username : `person-${n}`;
    return { id: idAt(REGISTERED + n, random), username, fullName: `Person Number ${n}`, email: `${username}@bench.example` };
  });
}
