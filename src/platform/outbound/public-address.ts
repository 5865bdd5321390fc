import ipaddr from 'ipaddr.js';

/** IPv4 of which the library does not know that it is not of the public internet: measuring networks (RFC 2544). */
const alsoReserved4 = [ipaddr.IPv4.parseCIDR('198.18.0.0/15')];
/** All of IPv6 that is given to anybody; mapped, compatible, translated, local and multicast addresses are elsewhere. */
const global6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** In it, what is no host of its own: protocol assignments with Teredo, 6to4, documentation. */
const reserved6 = ['2001::/23', '2002::/16', '2001:db8::/32', '3fff::/20'].map((range) => ipaddr.IPv6.parseCIDR(range));

/** Whether an address is one of the public internet, by itself: one that carries another inside is not. @param address as text, no name */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast' && !alsoReserved4.some((range) => parsed.match(range));
  return parsed.match(global6) && !reserved6.some((range) => parsed.match(range));
}
