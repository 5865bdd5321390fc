import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The address as people write it: IPv4 also where it came mapped into IPv6, and without a port. Undefined for what is no address. */
export function plainAddress(text: string): string | undefined {
  const version = isIP(text);
  if (version === 4) return text;
  if (version === 6) return ipaddr.process(text).toString();
  const [, v4, v6] = withPort.exec(text) ?? [];
  return v4 || v6 ? plainAddress((v4 ?? v6)!) : undefined;
}

const withPort = /^(?:([\d.]+):\d+|\[([\da-f:.]+)\](?::\d+)?)$/i;

/** What counts as one client: an IPv4 address, or the /64 of IPv6, of which everybody has as many addresses as they like. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
