import { describe, expect, test } from '@jest/globals';
import { netChanges } from '../../src/events/task/net-changes.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import type { TaskEvent } from '../../src/events/task/task-events.ts';
import { created, deleted, owner, restored, taskId } from '../support/happenings.ts';

const comment = (n: number) => `00000000-0000-7000-8000-0000000000c${n}`;
const file = '00000000-0000-7000-8000-0000000000f1';
const added = (n: number, content: string | null): TaskEvent => ({
  type: 'CommentAdded',
  data: { comment_id: comment(n), content, mentions: [] },
});
const about = (type: 'CommentDeleted' | 'CommentRestored', n: number): TaskEvent => ({
  type,
  data: { comment_id: comment(n), author_id: owner, by: 'author' },
});
const attached: TaskEvent = {
  type: 'FileAttached',
  data: { file_id: file, name: null, size: 1, content_type: 'text/plain', sha256: '', blob_key: '' },
};
const erasedEdit: TaskEvent = {
  type: 'CommentEdited',
  data: { comment_id: comment(0), author_id: owner, content: null, mentions: { from: [], to: [] } },
};

/** With a comment of an erased author that comes, is changed and goes, one that stays, and a deletion that an erasure repeats. */
const history = [
  created(),
  added(0, null),
  added(1, 'Stays'),
  erasedEdit,
  about('CommentDeleted', 0),
  attached,
  about('CommentRestored', 0),
  deleted(),
  restored(),
  deleted(),
  { ...deleted(), data: { ...deleted().data, reason: 'erased' } },
] as TaskEvent[];

/** The folded task after each event. */
const states: Task[] = [];
for (const [n, event] of history.entries()) {
  const fact = { ...event, taskId, at: `2026-01-02T03:04:${String(n).padStart(2, '0')}.000Z`, by: owner };
  states.push(evolve(states.at(-1) ?? null, fact)!);
}

const isDeleted = (task: Task) => task.deletedAt !== null;
const standing = (task: Task) => [...task.comments].filter(([, { deletedBy }]) => deletedBy === null).map(([id]) => id);
const pairs = states.flatMap((_, from) => states.slice(from + 1).map((__, n) => [from, from + 1 + n] as const));

describe.each(pairs)('between revisions %i and %i', (from, to) => {
  const net = netChanges(isDeleted(states[from]!));
  for (const event of history.slice(from + 1, to + 1)) net.add(event);
  const changes = new Map(net.total().map((change) => [change.field, change]));

  test('the deletion is told exactly where the folds differ in it', () => {
    const [before, after] = [isDeleted(states[from]!), isDeleted(states[to]!)];
    expect(changes.get('deleted')).toEqual(before === after ? undefined : { field: 'deleted', from: before, to: after });
  });

  test('a comment is told exactly where it came, stands or not, or was changed', () => {
    for (const n of [0, 1]) {
      const id = comment(n);
      const [was, is] = [states[from]!, states[to]!];
      const came = !was.comments.has(id) && standing(is).includes(id);
      const moved = was.comments.has(id) && standing(was).includes(id) !== standing(is).includes(id);
      const edited = was.comments.has(id) && was.comments.get(id)!.editedAt !== is.comments.get(id)!.editedAt;
      const told = changes.get(`comments.${id}`);
      expect([n, told !== undefined]).toEqual([n, came || edited]);
      if (told && n === 0) expect(told).toEqual({ field: `comments.${id}`, from: null, to: null, erased: true });
      if (was.comments.has(id)) expect([n, changes.has(`comments.${id}.deleted`)]).toEqual([n, moved]);
    }
  });

  test('a file without a name is told where it came', () => {
    const came = !states[from]!.files.has(file) && states[to]!.files.has(file);
    const told = { field: `files.${file}`, from: null, to: null, erased: true };
    expect(changes.get(`files.${file}`)).toEqual(came ? told : undefined);
  });
});
