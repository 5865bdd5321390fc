import type { Weakening } from '../weakenings.ts';

/** What keeps a request from costing more than it should, and from reaching what it does not name. */
export const http: readonly Weakening[] = [
  {
    name: 'issues are found by their key',
    file: 'api/faults.ts',
    from: 'if (this.#keys.has(key)) return;',
    to: 'if (WITHOUT ? [...this.#keys].includes(key) : this.#keys.has(key)) return;',
  },
  {
    name: 'lists are counted before their items',
    file: 'api/routes/task-bodies.ts',
    from: '.max(MAX_TAGS)',
    to: '[WITHOUT ? "min" : "max"](WITHOUT ? 0 : MAX_TAGS)',
  },
  {
    name: 'a slash at the end deletes nothing',
    file: 'api/handle-request.ts',
    from: "return http.method === 'DELETE' &&",
    to: "return !WITHOUT && http.method === 'DELETE' &&",
  },
  {
    name: 'few connections linger',
    file: 'api/lingering.ts',
    from: 'lingering >= MAX_LINGERING)',
    to: '(lingering >= MAX_LINGERING && !WITHOUT))',
  },
];
