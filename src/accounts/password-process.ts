import { setPriority } from 'node:os';
import argon2 from 'argon2';
import type { PasswordReply, PasswordRequest, PasswordTask, Verified } from './password-messages.ts';

// Hashes passwords in a process of its own: argon2 works in libuv's thread pool, of which a process has one, and everything else there
// would wait behind it. Ends when the service's end of the channel closes, however the service ended.

// OWASP's recommendation for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

process.title = 'tasktrail passwords';
// Nobody who waits for a page waits for a hash. Where priorities may not be set, it works all the same.
try {
  setPriority(10);
} catch {}
process.on('disconnect', () => process.exit());
// The service was gone before it could be told.
process.on('error', () => process.exit());
// Ctrl-C reaches the whole group, and the service still has logins to finish.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

process.on('message', async (request: PasswordRequest) => {
  const reply: PasswordReply = await carryOut(request).then(
    (result) => ({ id: request.id, result }),
    (error) => ({ id: request.id, error: String(error) }),
  );
  if (process.connected) process.send?.(reply);
});
process.send?.({ ready: true });

// The same text typed on another system may come in another Unicode form.
async function carryOut(task: PasswordTask): Promise<string | Verified> {
  const password = task.password.normalize('NFC');
  if (task.do === 'hash') return argon2.hash(password, { type: argon2.argon2id, ...parameters });
  const matches = await argon2.verify(task.digest, password);
  return { matches, isOutdated: !task.digest.startsWith('$argon2id$') || argon2.needsRehash(task.digest, parameters) };
}
