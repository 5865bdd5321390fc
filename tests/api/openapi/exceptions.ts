import fc from 'fast-check';

interface Refused {
  operation: RegExp;
  path: RegExp;
  /** What may be wrong there; how several parts go together, or a limit, when left out. */
  codes?: RegExp;
  reason: string;
}

export const COMBINATIONS = /^(?:required|conflicts_with|too_small|too_big|too_long)$/;

/**
 * Where a request that the document allows is refused with 422 all the same, because no schema says what is asked for, or because it is
 * the state of the service that refuses it.
 */
export const refusedThoughValid: readonly Refused[] = [
  { operation: /./, path: /^query\.cursor$/, reason: 'a cursor is one that the service gave out; its form is the least of it' },
  {
    operation: /^GET .*\/tasks/,
    path: /^query\.search$/,
    reason: 'at most ten words, and relevance needs a search: said in the descriptions',
  },
  { operation: /^GET .*\/flow$/, path: /^query\.(?:from|to)$/, reason: 'the order and the distance of two dates' },
  { operation: /^GET .*\/activity\/diff$/, path: /^query\.(?:from|to)$/, reason: 'the order of two moments, and that they are not ahead' },
  { operation: /./, path: /^query\.(?:as_of|as_of_position|after)$/, reason: 'a moment ahead, or beyond the end of the log' },
  { operation: /./, path: /^header\.last-event-id$/, reason: 'a position beyond the end of the log' },
  { operation: /./, path: /^(?:password|new_password)$/, codes: /^format$/, reason: 'the rule for passwords is words' },
  { operation: /logout$/, path: /^compromised$/, reason: 'needs `all: true`, which the description says' },
  { operation: /\/activity\/undo$/, path: /^(?:from|to)$/, reason: 'the order of two moments' },
  { operation: /\/preferences$/, path: /^quiet_hours\.to$/, codes: /^format$/, reason: 'hours that end when they begin' },
  { operation: /\/webhooks\/\{id\}\/replay$/, path: /^(?:after|until)$/, reason: 'a position beyond the end of the log' },
  { operation: /\/events(?:\/stream)?$/, path: /^query\.after$/, reason: 'a position beyond the end of the log' },
];

/** Values that are drawn from fewer than the document allows, by the name of the key or parameter. */
export const drawn: Record<string, { values: fc.Arbitrary<unknown>; reason: string }> = {
  timezone: { values: fc.constantFrom('Europe/Berlin', 'Asia/Kathmandu', 'UTC', 'pacific/kiritimati'), reason: 'names of a database' },
  password: { values: fc.constantFrom('Wrong-Passw0rd', 'long enough to need no more'), reason: 'the rule for passwords is words' },
  new_password: { values: fc.constantFrom('An0ther-Passw0rd', 'long enough to need no more'), reason: 'the rule for passwords is words' },
  expires_at: { values: fc.constantFrom('2099-01-31T12:00:00Z', '2099-01-31t12:00:00.5+05:45'), reason: 'a time in the future' },
  url: { values: fc.constantFrom('https://127.0.0.1/hook', 'https://10.0.0.1/hook?a=b'), reason: 'names of hosts are looked up' },
  wait: { values: fc.constant(0), reason: 'the test does not wait for events' },
  step_ms: { values: fc.constant(0), reason: 'jobs of the test end at once' },
  after: { values: fc.constantFrom('0', 'head', '000'), reason: 'positions beyond the end of the log are waited for' },
  search: { values: fc.constantFrom('ab', 'C# c++', '"a phrase" word', '牛奶', 'né'), reason: 'at most ten words' },
};

/** Where a request that breaks the document is taken all the same. */
export const takenThoughInvalid: readonly { operation: RegExp; where: RegExp; reason: string }[] = [
  {
    operation: /\/tasks\/\{task_id\}\/tags$/,
    where: /^body is a list/,
    reason: 'tags may come as a bare array, which many generators cannot read',
  },
  { operation: /\{\w+\}/, where: /^query cursor /, reason: 'a cursor is read when what it is a cursor of is found: 404' },
  { operation: /./, where: /^path /, reason: 'an id that is none is the absence of what it would name: 404' },
];
