import { createHmac, generateKeyPairSync, hkdfSync, randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Accounts } from '../../src/accounts/accounts.ts';
import type { Caller } from '../../src/accounts/caller.ts';
import { bearer, call, refusal, secretKey, somebody, startWorld, type World } from './support.ts';

let world: World;
let accounts: Accounts;
let genuine: string;
let caller: Caller;

beforeAll(async () => {
  world = await startWorld();
  accounts = await world.instance();
  const signedIn = await accounts.register(somebody(), call());
  genuine = signedIn.accessToken;
  caller = await accounts.authenticate(bearer(signedIn));
}, 60_000);
afterAll(() => world.close());

/** Made here by hand, so that nothing is trusted that is tested: the key as the documentation of the format has it. */
const rightKey = Buffer.from(hkdfSync('sha256', secretKey, '', 'tasktrail access tokens', 32));
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const hs256 = (key: Buffer | string) => (text: string) => createHmac('sha256', key).update(text).digest('base64url');

const header = { alg: 'HS256', typ: 'at+jwt' };
const claims = () => {
  const now = Math.floor(Date.now() / 1000);
  return { iss: 'tasktrail', aud: 'tasktrail-api', sub: caller.id, sid: caller.sessionId, iat: now, exp: now + 1800 };
};
const token = (forged: { header?: object; claims?: object; signature?: (text: string) => string } = {}) => {
  const text = `${encoded({ ...header, ...forged.header })}.${encoded({ ...claims(), ...forged.claims })}`;
  return `${text}.${(forged.signature ?? hs256(rightKey))(text)}`;
};
const outcome = (accessToken: string) => refusal(accounts.authenticate(`Bearer ${accessToken}`));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const rs256 = (text: string) => sign('sha256', Buffer.from(text), rsa.privateKey).toString('base64url');
const jwk = rsa.publicKey.export({ format: 'jwk' });
const octets = { kty: 'oct', k: Buffer.from('a key of the attacker, 32 bytes.').toString('base64url') };

describe('an access token', () => {
  test('that is made by hand as the service makes them is taken', async () => {
    expect(await accounts.authenticate(`Bearer ${token()}`)).toEqual(caller);
    const [, payload] = genuine.split('.');
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toEqual({
      ...claims(),
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
    });
  });

  test.each([undefined, '', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'bearer: x', 'Token x', 'Bearer a, Bearer b', 'Bearer a b'])(
    'is missing from %j',
    async (authorization) => {
      expect(await refusal(accounts.authenticate(authorization))).toBe('NOT_AUTHENTICATED');
    },
  );

  test('may come behind the scheme in any case', async () => {
    expect(await accounts.authenticate(`bearer ${genuine}`)).toEqual(caller);
    expect(await accounts.authenticate(`BEARER  ${genuine}`)).toEqual(caller);
  });

  const forgeries: [name: string, forged: () => string][] = [
    ['without algorithm', () => token({ header: { alg: 'none' }, signature: () => '' })],
    ['without algorithm, in other letters', () => token({ header: { alg: 'nOnE' }, signature: () => '' })],
    ['without signature', () => token({ signature: () => '' })],
    ['signed with another key', () => token({ signature: hs256('a'.repeat(32)) })],
    ['signed with the secret itself', () => token({ signature: hs256(secretKey) })],
    ['signed with an empty key', () => token({ signature: hs256('') })],
    [
      'of another algorithm with the right key',
      () => token({ header: { alg: 'HS512' }, signature: (text) => createHmac('sha512', rightKey).update(text).digest('base64url') }),
    ],
    ['said to be RS256, signed by HMAC', () => token({ header: { alg: 'RS256' } })],
    ['signed by RS256', () => token({ header: { alg: 'RS256' }, signature: rs256 })],
    ['signed by HMAC with a public key', () => token({ signature: hs256(publicPem) })],
    ['bringing its own key', () => token({ header: { jwk: octets }, signature: hs256(Buffer.from(octets.k, 'base64url')) })],
    ['bringing its own public key', () => token({ header: { alg: 'RS256', jwk }, signature: rs256 })],
    ['naming a key to fetch', () => token({ header: { alg: 'RS256', jku: 'http://127.0.0.1:9/keys', kid: 'x' }, signature: rs256 })],
    ['naming a certificate to fetch', () => token({ header: { alg: 'RS256', x5u: 'http://127.0.0.1:9/cert' }, signature: rs256 })],
    ['naming a file as its key', () => token({ header: { kid: '../../../../dev/null' }, signature: hs256('') })],
    ['with a critical extension', () => token({ header: { crit: ['exotic'], exotic: true } })],
    ['whose payload is not encoded', () => token({ header: { crit: ['b64'], b64: false } })],
    ['of another type', () => token({ header: { typ: 'JWT' } })],
    ['of no type', () => token({ header: { typ: undefined } })],
    ['for another audience', () => token({ claims: { aud: 'another-api' } })],
    ['for no audience', () => token({ claims: { aud: undefined } })],
    ['from another issuer', () => token({ claims: { iss: 'another' } })],
    ['that never expires', () => token({ claims: { exp: undefined } })],
    ['that is not valid yet', () => token({ claims: { nbf: Math.floor(Date.now() / 1000) + 600 } })],
    ['of nobody', () => token({ claims: { sub: undefined } })],
    ['of no session', () => token({ claims: { sid: undefined } })],
    ['of somebody who is no id', () => token({ claims: { sub: "' or true --" } })],
    ['whose expiry is text', () => token({ claims: { exp: '9999999999' } })],
    ['with another payload', () => genuine.replace(/\.[^.]+\./, `.${encoded({ ...claims(), sub: randomUUID() })}.`)],
    ['cut short', () => genuine.slice(0, -4)],
    ['with something behind it', () => `${genuine}.x`],
    ['that is no token', () => 'x.y.z'],
    ['that is a refresh token', () => `ttr_${'x'.repeat(43)}`],
    ['of ten thousand letters', () => 'x'.repeat(10_000)],
  ];

  test.each(forgeries)('%s is refused', async (_, forged) => {
    expect(await outcome(forged())).toBe('TOKEN_INVALID');
  });

  test('that has expired is refused as that', async () => {
    expect(await outcome(token({ claims: { exp: Math.floor(Date.now() / 1000) - 1 } }))).toBe('TOKEN_EXPIRED');
  });

  test('is refused when it expires, although it was known', async () => {
    let at = Date.now();
    const inTime = await world.instance({ clock: () => new Date(at) });
    const signedIn = await inTime.register(somebody(), call());
    await inTime.authenticate(bearer(signedIn));
    at += 30 * 60_000 - 2_000;
    expect((await inTime.authenticate(bearer(signedIn))).id).toBe(signedIn.user.id);
    at += 3_000;
    expect(await refusal(inTime.authenticate(bearer(signedIn)))).toBe('TOKEN_EXPIRED');
  });

  test("with one person's name and another's session is refused", async () => {
    const other = await accounts.authenticate(bearer(await accounts.register(somebody(), call())));
    expect(await outcome(token({ claims: { sub: other.id } }))).toBe('SESSION_ENDED');
    expect(await outcome(token({ claims: { sid: other.sessionId } }))).toBe('SESSION_ENDED');
    expect(await outcome(token({ claims: { sid: randomUUID() } }))).toBe('SESSION_ENDED');
  });
});
