import { expect, test } from '@jest/globals';
import { AppendQueue, queueLimits } from '../../../../src/events/store/postgres/append-queue.ts';
import { append, events } from '../../../contract/events.ts';

const aQueue = (limits = {}) => {
  const queue = new AppendQueue({ ...queueLimits, ...limits });
  const add = (stream: string, count = 1) =>
    queue.add(
      append(stream, 'no_stream', ...events(count)),
      () => {},
      () => {},
    );
  const take = () => {
    const batch = queue.takeBatch();
    return { names: batch.map((pending) => pending.append.stream).join(' '), release: () => queue.release(batch) };
  };
  return { queue, add, take };
};

test('a batch holds one append of a stream, and the next one follows when it is released', () => {
  const { add, take } = aQueue();
  for (const stream of ['a', 'b', 'a', 'a', 'c', 'b']) add(stream);
  const first = take();
  expect(first.names).toBe('a b c');
  expect(take().names).toBe('');
  add('a');
  add('d');
  const second = take();
  expect(second.names).toBe('d');
  first.release();
  const third = take();
  expect(third.names).toBe('a b');
  third.release();
  expect(take().names).toBe('a');
});

test('what comes first goes first, whatever its size', () => {
  const { add, take } = aQueue({ batchEvents: 4 });
  add('a', 2);
  add('b', 3);
  add('c', 9);
  add('d', 1);
  expect(take().names).toBe('a');
  expect(take().names).toBe('b');
  expect(take().names).toBe('c');
  expect(take().names).toBe('d');
});

test('a stream that waits behind itself does not make the queue look old for others', async () => {
  const { queue, add, take } = aQueue({ age: 50 });
  add('busy');
  const first = take();
  add('busy');
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(queue.isFullFor('busy')).toBe(true);
  expect(queue.isFullFor('other')).toBe(false);
  first.release();
  expect(queue.isFullFor('other')).toBe(false);
});

test('everything that waits can be taken, and what is under way is released all the same', () => {
  const { queue, add, take } = aQueue();
  add('a');
  const first = take();
  for (const stream of ['a', 'b', 'b', 'c']) add(stream);
  expect(
    queue
      .drain()
      .map((pending) => pending.append.stream)
      .sort(),
  ).toEqual(['a', 'b', 'b', 'c']);
  expect(take().names).toBe('');
  first.release();
  for (const stream of ['a', 'b']) add(stream);
  expect(take().names).toBe('a b');
});
