import { BlockList, isIP } from 'node:net';
import { UsageError } from '../command-line.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** The address of a service on this machine: a load on any other is an attack. @throws UsageError */
export function localUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:') throw new UsageError('--url is to be an address as http://127.0.0.1:8000');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  const isLocal = family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
  if (!isLocal) throw new UsageError(`${url.host} is not this machine: load is for a service at 127.0.0.1, [::1] or localhost`);
  return url;
}
