import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So much may pass before what has passed is let go. In bytes. */
const LOAD = 8 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
setFlagsFromString('--no-expose-gc');

let passed = 0;

/**
 * Told of bytes that are read and done with. V8 lets up to 64 MB of them lie around before it looks for any, and never gives all of it
 * back: that would be what a large file costs. A look at what is young takes about a millisecond.
 */
export function bytesPassed(count: number): void {
  passed += count;
  if (passed < LOAD) return;
  passed = 0;
  collect({ type: 'minor' });
}

/** A stream, of which the bytes are done with when the next ones are asked for. */
export async function* passing(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    yield piece;
    bytesPassed(piece.length);
  }
}
