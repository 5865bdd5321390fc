/** Parts of IANA names that are written in another way than with a capital letter. */
const spellings = [
  ...['of', 'au', 'es'],
  ...[
    'ACT',
    'NSW',
    'LHI',
    'GMT',
    'UTC',
    'UCT',
    'IN',
    'CHAT',
    'SU',
    'US',
    'GB',
    'NZ',
    'PRC',
    'ROC',
    'ROK',
    'EST',
    'MST',
    'HST',
    'EDT',
    'PDT',
    'CDT',
    'MDT',
    'PST',
    'CST',
    'CET',
    'MET',
    'EET',
    'WET',
    'W',
  ],
  ...['McMurdo', 'DumontDUrville', 'ComodRivadavia', 'BajaNorte', 'BajaSur', 'DeNoronha', 'EasterIsland'],
];
const spelt = new Map(spellings.map((part) => [part.toLowerCase(), part]));

/**
 * The name of a time zone in its canonical spelling: `Europe/Berlin` for `europe/berlin`. A name that another has replaced keeps its words.
 * @returns undefined for a name that is none. Offsets are none: to JavaScript `+02:00` is a name, but PostgreSQL takes it for the opposite.
 */
export function canonicalTimezone(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    const known = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
    return known.toLowerCase() === name.toLowerCase() ? known : respelt(name);
  } catch {
    return undefined;
  }
}

/** Abbreviations and words; the digits between them stay. */
function respelt(name: string): string {
  return name.replace(/[A-Za-z]+/g, (word) => {
    const lower = word.toLowerCase();
    return spelt.get(lower) ?? lower[0]!.toUpperCase() + lower.slice(1);
  });
}
