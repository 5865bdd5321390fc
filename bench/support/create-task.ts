import type { Work } from './requests.ts';

const body = JSON.stringify({ title: 'Water the plants', description: 'All of them, also the cactus', priority: 'high', tags: ['home'] });

/** Creates tasks: in the service, by its token and with a key of its own for each; in a bare route when there is none. */
export function createTask(service?: { token: string }): Work {
  const common = { method: 'POST', bodies: [body] };
  if (!service) return { ...common, paths: ['/tasks'], headers: {} };
  return { ...common, paths: ['/api/v1/tasks'], headers: { authorization: `Bearer ${service.token}` }, unique: 'idempotency-key' };
}
