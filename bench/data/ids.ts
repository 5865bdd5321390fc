import type { Random } from '../../src/tools/seed/random.ts';

/** A UUIDv7 of this moment, in milliseconds since 1970. */
export function idAt(at: number, random: Random): string {
  const time = Math.floor(at).toString(16).padStart(12, '0');
  const [a, b, c] = [hex(random), hex(random), hex(random)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${a.slice(0, 3)}-${'89ab'[Number.parseInt(a[3]!, 16) & 3]}${b.slice(0, 3)}-${b.slice(3)}${c}${a[4]}`;
}

/** Seven digits. */
function hex(random: Random): string {
  return Math.floor(random.next() * 0x1000_0000)
    .toString(16)
    .padStart(7, '0');
}
