import type { AddressInfo } from 'node:net';
import express from 'express';

/** What a route costs that only says something it knows: no authentication, no log, no headers but Express's own. */
const statuses = [
  { name: 'todo', transitions: ['in_progress', 'blocked', 'done', 'cancelled'] },
  { name: 'in_progress', transitions: ['todo', 'in_review', 'blocked', 'done', 'cancelled'] },
  { name: 'in_review', transitions: ['in_progress', 'done', 'cancelled'] },
  { name: 'blocked', transitions: ['todo', 'in_progress', 'cancelled'] },
  { name: 'done', transitions: ['todo'] },
  { name: 'cancelled', transitions: ['todo'] },
];

const app = express();
// The harder of two baselines: with its own defaults Express also hashes every body for an ETag.
if (process.env.LEAN !== 'false') app.disable('x-powered-by').disable('etag');
app.get('/api/v1/workflow', (_, response) => {
  response.json({ initial: 'todo', done: 'done', statuses });
});
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0));
