/** What may have leaked, and what is to be done then: docs/operations.md, "A key has leaked", says why. */
export const leaks: Readonly<Record<'master' | 'secret' | 'signing' | 'database', readonly string[]>> = {
  master: [
    'With MASTER_KEY, whoever has a copy of the database or a backup of it can read all text. Nothing takes that back for copies that are out.',
    '1. Make a new key: openssl rand -hex 32',
    '2. With several instances, give each FORMER_MASTER_KEY=<the new key> first and restart it, so that all open both.',
    '3. Give each instance MASTER_KEY=<the new key> and FORMER_MASTER_KEY=<the leaked key>, and restart it.',
    '4. Run npm run rotate-keys with the same two. It may be interrupted and run again.',
    '5. Remove FORMER_MASTER_KEY everywhere, and restart.',
    '6. Make a backup, and destroy those of before: the leaked key opens them.',
    '7. Have the owners of webhooks make new secrets (POST /api/v1/webhooks/{id}/rotate): the leaked key opened them.',
    '8. Where the database has leaked too, the data keys are known as well: tell the people whose text it holds.',
  ],
  secret: [
    'With SECRET_KEY, anyone can make access tokens for every account, and links of mails.',
    '1. Stop every instance: they do not run with different keys.',
    '2. Make a new key (openssl rand -hex 32), give it to all as SECRET_KEY, and start them.',
    'All sessions end, refresh tokens and the links in mails of before included; personal tokens go on, for they are random. Idempotency keys of',
    'before are not known any more.',
    '3. Look through GET /api/v1/admin/security-events and the activity of admins since the leak, for tokens that were made with the key.',
  ],
  signing: [
    'With SIGNING_KEY, whoever can also write to the database and to the heads can make a changed log look right.',
    '1. Run npm run verify now, with a copy of the heads that was kept elsewhere, and keep the public key: npm run verify -- --public-key > former.pem',
    '2. Make a new key (openssl rand -hex 32), give it to all as SIGNING_KEY, and restart them one by one; each warns once.',
    '3. From then on, verify with npm run verify -- --key former.pem. Heads that were signed since the leak prove nothing by themselves.',
  ],
  database: [
    'With the password of PostgreSQL, everything in it can be read but text, which is sealed by MASTER_KEY, and passwords, which are hashed.',
    "1. Change it: alter role tasktrail password '…'; and DATABASE_URL of every instance. The embedded server has a random one and no network:",
    '   stop the service, delete DATA_DIR/postgres/password only together with a restore (see docs/operations.md).',
    '2. End every session, for their digests were seen: change SECRET_KEY too (npm run rotate-keys -- --what-leaked secret).',
    '3. Run npm run verify with signed heads: it finds what was changed in the log, and keys that were destroyed.',
    '4. Have everyone choose a new password where the hashes were read.',
  ],
};
