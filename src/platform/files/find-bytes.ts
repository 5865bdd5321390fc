import { createReadStream } from 'node:fs';

/** Whether the bytes are anywhere in a file, which is read piece by piece. */
export async function hasInside(path: string, wanted: Buffer): Promise<boolean> {
  let before = Buffer.alloc(0);
  for await (const piece of createReadStream(path)) {
    const both = Buffer.concat([before, piece as Buffer]);
    if (both.includes(wanted)) return true;
    before = both.subarray(Math.max(0, both.length - wanted.length + 1));
  }
  return false;
}
