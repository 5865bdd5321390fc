import { BlockList, isIP } from 'node:net';
import type { Config } from './config.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * What production may run with, but seldom means to: one sentence each, without values, for the log of a start. Empty outside of
 * production, where a laptop's conveniences are in place.
 */
export function configWarnings({ environment, rateLimitsPerMinute, publicUrl, mail, s3 }: Config): string[] {
  if (environment !== 'production') return [];
  const unlimited = Object.entries({
    RATE_LIMIT_PER_MINUTE: rateLimitsPerMinute.anonymous,
    RATE_LIMIT_USER_PER_MINUTE: rateLimitsPerMinute.user,
    RATE_LIMIT_LOGIN_PER_MINUTE: rateLimitsPerMinute.login,
  }).filter(([, limit]) => limit === 0);
  return [
    ...unlimited.map(([name]) => `${name} is 0: these requests are not limited`),
    ...(publicUrl !== undefined && isPlainBeyondLoopback(publicUrl)
      ? ['PUBLIC_URL is plain http: passwords and tokens cross the network unencrypted; put TLS before the service']
      : []),
    ...(mail.smtpUrl === undefined ? ['SMTP_URL is not set: mails are written to files in DATA_DIR and reach no one'] : []),
    ...(s3 && s3.endpoint !== undefined && isPlainBeyondLoopback(s3.endpoint) && !isPrivateName(s3.endpoint)
      ? ['S3_ENDPOINT is plain http: files cross the network unencrypted']
      : []),
  ];
}

function isPlainBeyondLoopback(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  const isLoopback = version === 0 ? host === 'localhost' || host.endsWith('.localhost') : loopback.check(host, `ipv${version as 4 | 6}`);
  return protocol === 'http:' && !isLoopback;
}

/** A name without a dot is one of a private network, as in a compose file. */
function isPrivateName(url: string): boolean {
  return !new URL(url).hostname.includes('.');
}
