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

// As fast as Express goes: with its own defaults it also hashes every body for an ETag, and knows a production from a development.
const app = express().set('env', 'production').disable('x-powered-by').disable('etag').set('query parser', false);
app.get('/api/v1/workflow', (_, response) => {
  response.json({ initial: 'todo', done: 'done', statuses });
});
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0));
