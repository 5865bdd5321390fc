import { describe, expect, test } from '@jest/globals';
import type { Position } from '../../src/events/store/event-store.ts';
import { createProgress } from '../../src/projections/progress.ts';

/** A read model whose checkpoint the test sets; it counts how often that is read. */
function aReadModel(position: Position) {
  const stored = { position, reads: 0, answer: async () => {} };
  const progress = createProgress({
    async read() {
      stored.reads++;
      const before = stored.position;
      await stored.answer();
      return before;
    },
    isStopped: () => false,
  });
  return { stored, progress };
}

describe('the known position of a read model', () => {
  test('is read again after a loss, and believed when it is where it was', async () => {
    const { stored, progress } = aReadModel(5n);
    progress.moved('listing', 5n);
    progress.forget();
    expect(progress.position('listing')).toBeUndefined();
    expect(await progress.reached('listing', 0n, 1_000)).toBe(true);
    expect(stored.reads).toBe(1);
  });

  test('has reached nothing while it has fallen back behind what was shown, not even what it still has', async () => {
    const { stored, progress } = aReadModel(3n);
    progress.moved('listing', 5n);
    progress.forget();
    expect(await progress.reached('listing', 2n, 60)).toBe(false);
    progress.moved('listing', 4n);
    progress.forget();
    expect(await progress.reached('listing', 2n, 60)).toBe(false);
    stored.position = 5n;
    expect(await progress.reached('listing', 2n, 1_000)).toBe(true);
  });

  test('is not taken from what was read before the loss', async () => {
    const { stored, progress } = aReadModel(5n);
    let answer = () => {};
    stored.answer = () => new Promise((resolve) => (answer = resolve));
    const waiting = progress.reached('listing', 5n, 300);
    while (stored.reads === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    progress.moved('listing', 4n);
    progress.forget();
    stored.answer = async () => {};
    stored.position = 3n;
    answer();
    expect(await waiting).toBe(false);
    expect(progress.position('listing')).toBe(3n);
  });

  test('is asked for once at a time, however many wait', async () => {
    const { stored, progress } = aReadModel(1n);
    stored.answer = () => new Promise((resolve) => setTimeout(resolve, 40));
    const waiting = Array.from({ length: 50 }, () => progress.reached('listing', 2n, 200));
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 50 }, () => false));
    expect(stored.reads).toBeLessThan(10);
  });

  test('is waited for as long as it takes, until the signal aborts', async () => {
    const { stored, progress } = aReadModel(1n);
    const following = progress.follow('listing', 2n, new AbortController().signal);
    setTimeout(() => (stored.position = 2n), 400);
    await following;
    await expect(progress.follow('listing', 3n, AbortSignal.timeout(300))).rejects.toThrow();
  });
});
