import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
/** Of the package's list, which begins with the commonest. */
const COMMONEST = 10_000;

let commonest: ReadonlySet<string> | undefined;

/** Whether a password is one of the 10,000 commonest, in any case, or one of them with a year behind it, as in Summer2026. */
export function isCommonPassword(password: string): boolean {
  commonest ??= load();
  const lower = password.toLowerCase();
  return commonest.has(lower) || commonest.has(lower.replace(/(?:19|20)\d\d$/, ''));
}

/** The list takes a tenth of a second to unpack: it is loaded with the first password that is chosen. */
function load(): ReadonlySet<string> {
  const { dictionary } = require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common');
  return new Set((dictionary['passwords-common'] as string[]).slice(0, COMMONEST));
}
