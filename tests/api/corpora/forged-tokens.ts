import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { deriveKey } from '../../../src/events/keys/data-key.ts';
import { keys } from '../../support/service.ts';

/** What is sent in place of a good access token. */
export interface Forgery {
  name: string;
  /** The whole header, or nothing. */
  authorization: string | undefined;
  code: 'NOT_AUTHENTICATED' | 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'SESSION_ENDED';
  /** Who reads the claims and asks for no proof lets it in. */
  live?: true;
}

/** What there is to forge from. */
export interface Loot {
  /** A good token of somebody, and one of an admin. */
  victim: string;
  admin: string;
  /** A good personal access token. */
  personal: string;
  refreshToken: string;
  /** Of a session that was logged out, and a token that was revoked. */
  ended: string;
  revoked: string;
}

type Json = Record<string, unknown>;

const accessKey = deriveKey(keys.SECRET_KEY!, 'access tokens');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const edwards = generateKeyPairSync('ed25519');
const publicPem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' });
const publicJwk = rsa.publicKey.export({ format: 'jwk' });

const part = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hmac = (key: KeyObject | string | Buffer, text: string, hash = 'sha256') => createHmac(hash, key).update(text).digest('base64url');
const jwt = (header: unknown, claims: unknown, seal: (text: string) => string) => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${seal(text)}`;
};
const right = (text: string) => hmac(accessKey, text);
const own = { alg: 'HS256', typ: 'at+jwt' };

export function forgedTokens(loot: Loot): Forgery[] {
  const claims = JSON.parse(Buffer.from(loot.victim.split('.')[1]!, 'base64url').toString()) as Json;
  return [
    ...notBearer(loot),
    ...unsigned(claims),
    ...wrongKeys(claims),
    ...wrongHeaders(claims),
    ...wrongClaims(claims),
    ...others(loot),
  ].concat(mangled(loot.victim, loot.admin));
}

function notBearer({ victim }: Loot): Forgery[] {
  const code = 'NOT_AUTHENTICATED';
  return [
    { name: 'nothing', authorization: undefined, code },
    { name: 'an empty header', authorization: '', code },
    { name: 'a scheme alone', authorization: 'Bearer', code },
    { name: 'a scheme and spaces', authorization: 'Bearer   ', code },
    { name: 'no scheme', authorization: victim, code },
    { name: 'Basic', authorization: `Basic ${Buffer.from('the-owner:Passw0rd-of-mine').toString('base64')}`, code },
    { name: 'another scheme', authorization: `Token ${victim}`, code },
    { name: 'DPoP', authorization: `DPoP ${victim}`, code },
    { name: 'two tokens', authorization: `Bearer ${victim} ${victim}`, code },
    { name: 'two credentials', authorization: `Bearer ${victim}, Bearer ${victim}`, code },
    { name: 'a parameter', authorization: `Bearer token="${victim}", realm="tasktrail"`, code },
    { name: 'a glued scheme', authorization: `Bearer${victim}`, code },
  ];
}

function bearer(name: string, token: string, live = false, code: Forgery['code'] = 'TOKEN_INVALID'): Forgery {
  return { name, authorization: `Bearer ${token}`, code, ...(live && { live: true }) };
}

function unsigned(claims: Json): Forgery[] {
  const none = ['none', 'None', 'NONE', 'nOnE'].map((alg) =>
    bearer(
      `alg ${alg}`,
      jwt({ ...own, alg }, claims, () => ''),
      true,
    ),
  );
  return [
    ...none,
    bearer('alg none with the right signature', jwt({ ...own, alg: 'none' }, claims, right), true),
    bearer('no alg', jwt({ typ: 'at+jwt' }, claims, right), true),
    bearer('an empty alg', jwt({ ...own, alg: '' }, claims, right), true),
    bearer('alg null', jwt({ ...own, alg: null }, claims, right), true),
    bearer('a list of algs', jwt({ ...own, alg: ['HS256'] }, claims, right), true),
    bearer(
      'HS256 without a signature',
      jwt(own, claims, () => ''),
      true,
    ),
  ];
}

function wrongKeys(claims: Json): Forgery[] {
  const asymmetric = (alg: string, seal: (text: string) => Buffer) =>
    bearer(
      `${alg} by a key of one's own`,
      jwt({ ...own, alg }, claims, (text) => seal(text).toString('base64url')),
      true,
    );
  const hs = (name: string, key: KeyObject | string | Buffer) =>
    bearer(
      `HS256 by ${name}`,
      jwt(own, claims, (text) => hmac(key, text)),
      true,
    );
  return [
    hs('a random key', randomBytes(32)),
    hs('an empty key', ''),
    hs('the word secret', 'secret'),
    hs('the secret itself, underived', keys.SECRET_KEY!),
    hs('a key derived for something else', deriveKey(keys.SECRET_KEY!, 'idempotency')),
    hs('a key derived from the master key', deriveKey(keys.MASTER_KEY!, 'access tokens')),
    hs('a public key', publicPem),
    bearer(
      'RS256 sealed by HMAC with the public key',
      jwt({ ...own, alg: 'RS256' }, claims, (text) => hmac(publicPem, text)),
      true,
    ),
    bearer(
      'HS384 by the right key',
      jwt({ ...own, alg: 'HS384' }, claims, (text) => hmac(accessKey, text, 'sha384')),
      true,
    ),
    bearer(
      'HS512 by the right key',
      jwt({ ...own, alg: 'HS512' }, claims, (text) => hmac(accessKey, text, 'sha512')),
      true,
    ),
    asymmetric('RS256', (text) => sign('sha256', Buffer.from(text), rsa.privateKey)),
    asymmetric('PS256', (text) => sign('sha256', Buffer.from(text), { key: rsa.privateKey, padding: 6, saltLength: 32 })),
    asymmetric('ES256', (text) => sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })),
    asymmetric('EdDSA', (text) => sign(null, Buffer.from(text), edwards.privateKey)),
    bearer(
      'ES256 with a signature of zeros',
      jwt({ ...own, alg: 'ES256' }, claims, () => Buffer.alloc(64).toString('base64url')),
      true,
    ),
  ];
}

function wrongHeaders(claims: Json): Forgery[] {
  const mine = (text: string) => hmac('mine', text);
  const oct = { kty: 'oct', k: part('mine'), alg: 'HS256' };
  const byRsa = (header: Json) =>
    jwt({ ...header }, claims, (text) => sign('sha256', Buffer.from(text), rsa.privateKey).toString('base64url'));
  return [
    bearer('jwk, asymmetric', byRsa({ typ: 'at+jwt', alg: 'RS256', jwk: publicJwk }), true),
    bearer('jwk, symmetric', jwt({ ...own, jwk: oct }, claims, mine), true),
    bearer('jku', jwt({ ...own, jku: 'http://127.0.0.1:9/keys.json' }, claims, mine), true),
    bearer('x5u', byRsa({ typ: 'at+jwt', alg: 'RS256', x5u: 'http://127.0.0.1:9/cert.pem' }), true),
    bearer('x5c', byRsa({ typ: 'at+jwt', alg: 'RS256', x5c: [part('a certificate')] }), true),
    bearer(
      'a kid that is a path',
      jwt({ ...own, kid: '../../../../dev/null' }, claims, (text) => hmac('', text)),
      true,
    ),
    bearer('a kid that is SQL', jwt({ ...own, kid: "' union select 'mine" }, claims, mine), true),
    bearer('an unknown crit', jwt({ ...own, crit: ['more'], more: 1 }, claims, right), true),
    bearer('crit that is empty', jwt({ ...own, crit: [] }, claims, right), true),
    bearer('an unencoded payload', jwt({ ...own, b64: false, crit: ['b64'] }, claims, right), true),
    bearer('no type', jwt({ alg: 'HS256' }, claims, right), true),
    bearer('type JWT', jwt({ ...own, typ: 'JWT' }, claims, right), true),
    bearer('another type', jwt({ ...own, typ: 'rt+jwt' }, claims, right), true),
    bearer('a header that is a list', jwt([own], claims, right), true),
    bearer('a header that is no JSON', jwt('HS256', claims, right), true),
  ];
}

function wrongClaims(claims: Json): Forgery[] {
  const now = Math.floor(Date.now() / 1000);
  const { sid: _sid, ...withoutSession } = claims;
  const { sub: _sub, ...withoutSubject } = claims;
  const { exp: _exp, ...withoutExpiry } = claims;
  const { iss: _iss, ...withoutIssuer } = claims;
  const { aud: _aud, ...withoutAudience } = claims;
  const claiming = (name: string, all: unknown, live = true, code?: Forgery['code']) => bearer(name, jwt(own, all, right), live, code);
  const nobody = '00000000-0000-7000-8000-00000000dead';
  return [
    claiming('expired', { ...claims, iat: now - 3600, exp: now - 1800 }, true, 'TOKEN_EXPIRED'),
    claiming('expired a second ago', { ...claims, exp: now - 1 }, true, 'TOKEN_EXPIRED'),
    claiming('expired long before the year 1970', { ...claims, exp: -1 }, true, 'TOKEN_EXPIRED'),
    claiming('not yet valid', { ...claims, nbf: now + 3600 }),
    claiming('no expiry', withoutExpiry, false),
    claiming('an expiry in words', { ...claims, exp: `${now + 3600}` }, false),
    claiming('an expiry that is no whole number', { ...claims, exp: now + 3600.5 }, false),
    claiming('another issuer', { ...claims, iss: 'somebody' }),
    claiming('no issuer', withoutIssuer),
    claiming('another audience', { ...claims, aud: 'tasktrail-web' }),
    claiming('other audiences', { ...claims, aud: ['a', 'b'] }),
    claiming('no audience', withoutAudience),
    claiming('no subject', withoutSubject, false),
    claiming('no session', withoutSession, false),
    claiming('a session that is no id', { ...claims, sid: "' or true --" }, false),
    claiming('a session that is a list', { ...claims, sid: [claims.sid] }, false),
    claiming("another's name on one's own session", { ...claims, sub: nobody }, false, 'SESSION_ENDED'),
    claiming('a session that never was', { ...claims, sid: nobody }, false, 'SESSION_ENDED'),
    claiming('claims that are a list', [claims], false),
    claiming('claims that are null', null, false),
    claiming('claims that are no JSON', 'sub=me', false),
  ];
}

function others({ victim, personal, refreshToken, ended, revoked }: Loot): Forgery[] {
  const flipped = personal.at(-1) === 'A' ? 'B' : 'A';
  return [
    bearer('a refresh token', refreshToken),
    bearer('an ended session', ended, false, 'SESSION_ENDED'),
    bearer('a revoked token', revoked, false, 'SESSION_ENDED'),
    bearer('the prefix of a personal token', 'ttp_'),
    bearer('what looks like a personal token', `ttp_${randomBytes(32).toString('base64url')}`),
    bearer('a personal token with another end', personal.slice(0, -1) + flipped),
    bearer('a personal token cut short', personal.slice(0, -1)),
    bearer('a personal token and more', `${personal}A`),
    bearer('a personal token with another prefix', personal.replace('ttp_', 'TTP_')),
    bearer('a personal token without its prefix', personal.slice(4)),
    bearer('a refresh token as a personal one', refreshToken.replace('ttr_', 'ttp_')),
    bearer('an access token as a personal one', `ttp_${victim}`),
    bearer('a pattern', 'ttp_%'),
    bearer('a name and password', Buffer.from('the-owner:Passw0rd-of-mine').toString('base64')),
    bearer('a word', 'admin'),
    bearer('null', 'null'),
  ];
}

function mangled(victim: string, admin: string): Forgery[] {
  const [header, claims, seal] = victim.split('.') as [string, string, string];
  const [, adminClaims, adminSeal] = admin.split('.') as [string, string, string];
  const other = seal[0] === 'A' ? 'B' : 'A';
  return [
    bearer("somebody's header and seal on an admin's claims", `${header}.${adminClaims}.${seal}`, true),
    bearer("an admin's seal on somebody's claims", `${header}.${claims}.${adminSeal}`, true),
    bearer('a flipped bit in the seal', `${header}.${claims}.${other}${seal.slice(1)}`, true),
    bearer('a seal cut short', `${header}.${claims}.${seal.slice(0, -4)}`, true),
    bearer('half a seal', `${header}.${claims}.${seal.slice(0, 22)}`, true),
    bearer('one part', header),
    bearer('two parts', `${header}.${claims}`, true),
    bearer('four parts', `${victim}.${seal}`, true),
    bearer('five parts', `${header}..${claims}.${seal}.${seal}`),
    bearer('two dots', '..'),
    bearer('a dot at the end', `${victim}.`, true),
    bearer('a dot at the beginning', `.${victim}`),
    bearer('a seal with padding', `${victim}=`, true),
    bearer('a seal with its spare bits set', `${header}.${claims}.${withSpareBits(seal)}`, true),
    bearer('characters outside base64url', `${header}.${claims}.${seal.slice(0, -1)}!`, true),
    bearer('letters with accents', `${header}.${claims}.é${seal}`, true),
    bearer('bytes of UTF-8', `${Buffer.from('日本').toString('latin1')}.${claims}.${seal}`, true),
    bearer('a tab in it', `${header}.${claims}.\t${seal}`, false, 'NOT_AUTHENTICATED'),
    bearer('longer than any', `${header}.${part({ x: 'y'.repeat(4000) })}.${seal}`),
    bearer('much longer than any', 'A'.repeat(9000)),
    bearer('a thousand dots', '.'.repeat(1000)),
  ];
}

/** Another spelling of the same bytes: of the last character's six bits, two stand for nothing. */
function withSpareBits(seal: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return seal.slice(0, -1) + alphabet[alphabet.indexOf(seal.at(-1)!) + 1]!;
}
