const AT_ONCE = 24;

/** Does it for all of them, some at once, in order. */
export async function atOnce<A, B>(items: readonly A[], work: (item: A) => Promise<B>, width = AT_ONCE): Promise<B[]> {
  const results: B[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]!);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/** Runs what it is given one after the other. */
export function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}
