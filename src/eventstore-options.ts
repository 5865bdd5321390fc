import { statSync } from 'node:fs';

type OptionCheck = (value: string) => string | null;

const flag: OptionCheck = (value) => (/^(true|false)$/.test(value) ? null : 'must be true or false');
const wholeNumber: OptionCheck = (value) => (/^-?\d{1,9}$/.test(value) ? null : 'must be a whole number');
const file: OptionCheck = (value) => (isFile(decoded(value)) ? null : 'must be a file that exists');
const text: OptionCheck = () => null;
const verifyCert: OptionCheck = (value) =>
  flag(value) ?? (value === 'true' ? null : 'must not be false: the client verifies certificates always; give tlsCAFile instead');
const preference: OptionCheck = (value) =>
  ['leader', 'follower', 'random', 'readonlyreplica'].includes(flat(value)) ? null : 'must be leader, follower, random or readOnlyReplica';

/** The options that the client of EventStoreDB knows, as it spells them. */
const options: Readonly<Record<string, OptionCheck>> = {
  connectionName: text,
  defaultDeadline: wholeNumber,
  discoveryInterval: wholeNumber,
  dnsDiscover: flag,
  gossipTimeout: wholeNumber,
  keepAliveInterval: wholeNumber,
  keepAliveTimeout: wholeNumber,
  maxDiscoverAttempts: wholeNumber,
  nodePreference: preference,
  throwOnAppendFailure: flag,
  tls: flag,
  tlsCAFile: file,
  tlsVerifyCert: verifyCert,
  userCertFile: file,
  userKeyFile: file,
};

/** What is wrong with the options of a connection string of EventStoreDB, each by the option's name and without a value. */
export function eventStoreOptionMistakes(url: string): string[] {
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  const mistakes: string[] = [];
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name = '', ...value] = pair.split('=');
    const known = Object.keys(options).find((option) => option.toLowerCase() === flat(name));
    const shown = /^[A-Za-z_-]{1,40}$/.test(name) ? name : 'without a name';
    if (known === undefined) mistakes.push(`has the option ${shown}, which the client of EventStoreDB does not know`);
    else {
      const mistake = value.length === 1 && value[0] !== '' ? options[known]!(value[0]!.trim()) : 'must have one value';
      if (mistake !== null) mistakes.push(`has the option ${known}, which ${mistake}`);
    }
  }
  return mistakes;
}

/** The client knows names in any case, with hyphens and underscores. */
function flat(name: string): string {
  return name.trim().toLowerCase().replace(/[_-]/g, '');
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
