import { z } from 'zod';

/** What a personal access token can be given, in the order in which scopes are told. */
export const scopes = ['tasks:read', 'tasks:write', 'events:read', 'webhooks:manage', 'admin'] as const;
export const Scope = z.enum(scopes);
export type Scope = z.output<typeof Scope>;

/** What is included in a scope beside itself. */
const includes: Partial<Record<Scope, readonly Scope[]>> = { 'tasks:write': ['tasks:read'], 'webhooks:manage': ['events:read'] };

/** Whether what was given is good for what is needed. */
export function grants(given: readonly Scope[], needed: Scope): boolean {
  return given.some((scope) => scope === needed || includes[scope]?.includes(needed));
}
