const label = (length: number) => 'a'.repeat(length);

/** Addresses that can exist, and how they are stored. */
export const possible: readonly [address: string, stored: string][] = [
  ['ann@example.com', 'ann@example.com'],
  ['Ann.B+tasks@Example.com', 'Ann.B+tasks@Example.com'],
  [`${label(64)}@example.com`, `${label(64)}@example.com`],
  [`x@${label(63)}.com`, `x@${label(63)}.com`],
  ['x@münchen.example', 'x@xn--mnchen-3ya.example'],
  ['x@ex-ample.com', 'x@ex-ample.com'],
];

/** Addresses to which no mail can go. */
export const impossible: readonly string[] = [
  `${label(65)}@example.com`,
  `x@${label(64)}.com`,
  'x@b-.com',
  'x@-b.com',
  'jörg@example.com',
  'x@example',
  'x@.com',
  `x@${`${label(63)}.`.repeat(4)}com`,
];
