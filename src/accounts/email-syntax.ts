import { domainToASCII } from 'node:url';
import { z } from 'zod';

const MAX_ADDRESS = 254;
const MAX_LOCAL_PART = 64;
const MAX_LABEL = 63;

/** An address as it is stored and compared: a domain beyond ASCII becomes ASCII. What is no address stays as it is. */
export function asciiAddress(text: string): string {
  const at = text.lastIndexOf('@');
  const domain = text.slice(at + 1);
  if (at < 0 || /^\p{ASCII}*$/u.test(domain)) return text;
  const ascii = domainToASCII(domain);
  return ascii === '' ? text : `${text.slice(0, at)}@${ascii}`;
}

/** Whether mail servers admit the lengths of its parts, and no label of its domain begins or ends in a hyphen. */
function canExist(address: string): boolean {
  const at = address.lastIndexOf('@');
  const labels = address.slice(at + 1).split('.');
  return at <= MAX_LOCAL_PART && labels.every((label) => label.length <= MAX_LABEL && !label.startsWith('-') && !label.endsWith('-'));
}

/** An e-mail address that can exist. Its domain may be written in any script. */
export const Email = z
  .string()
  .overwrite(asciiAddress)
  .max(MAX_ADDRESS)
  .refine((address) => address.length > MAX_ADDRESS || (z.regexes.email.test(address) && canExist(address)), {
    error: 'must be an e-mail address, with ASCII characters before the @',
    params: { code: 'format' },
  })
  .meta({ format: 'email' });
