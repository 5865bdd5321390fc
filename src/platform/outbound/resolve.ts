import { lookup, Resolver } from 'node:dns/promises';

/** All addresses of a name. @throws the error of the name service, with its code */
export type Resolve = (hostname: string) => Promise<string[]>;

/**
 * Asks name servers without a thread: those of the process are few, and a name whose servers do not answer would hold one for long.
 * What the machine alone calls so, as in its hosts file, is not found.
 */
export async function resolveInDns(hostname: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const found = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length === 0) throw (four as PromiseRejectedResult).reason ?? (six as PromiseRejectedResult).reason;
  return found;
}

/** As everything else on this machine does, names of its own included. */
export async function resolveAsUsual(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}
