import { z } from 'zod';
import { exclusive } from '../forms.ts';
import { RequestedId } from '../id.ts';
import { notAfter, notBefore } from '../query-parameters.ts';

const ways = ['operation_id', 'request_id', 'token_id', 'actor_id'] as const;
const withTimes = ['token_id', 'actor_id'] as const;
const required = { params: { code: 'required' } };

/** Which change of a task. */
export const UndoBody = z.strictObject({ revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional() });

/** Which run: by one of its marks. */
export const UndoRunBody = z
  .strictObject({
    operation_id: RequestedId.optional().describe('What one call or job did: its `Tasktrail-Operation`.'),
    request_id: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/)
      .optional()
      .describe('What was done under one `X-Request-ID`.'),
    token_id: RequestedId.optional().describe('What was done with a personal access token; `from` and `to` say when.'),
    actor_id: RequestedId.optional().describe('What somebody did; `from` and `to` say when.'),
    from: notBefore('What happened then or later.'),
    to: notAfter('What happened then or earlier.'),
    dry_run: z.boolean().optional().describe('Says what would be taken back, and writes nothing.'),
  })
  .refine((body) => ways.some((way) => body[way] !== undefined), {
    error: `is required, or another of ${ways.join(', ')}`,
    path: ['operation_id'],
    ...required,
  })
  .refine((body) => ways.filter((way) => body[way] !== undefined).length <= 1, {
    error: `only one of ${ways.join(', ')} can be given`,
    path: ['operation_id'],
    params: { code: 'conflicts_with' },
  })
  .refine((body) => body.from !== undefined || withTimes.every((way) => body[way] === undefined), {
    error: 'is required with token_id and actor_id',
    path: ['from'],
    ...required,
  })
  .refine((body) => body.to !== undefined || withTimes.every((way) => body[way] === undefined), {
    error: 'is required with token_id and actor_id',
    path: ['to'],
    ...required,
  })
  // A date ends behind each of its times.
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to.padEnd('YYYY-MM-DDT'.length, '~'), {
    error: 'must not be before from',
    path: ['to'],
    params: { code: 'too_small' },
  })
  .meta({
    description: 'Exactly one of `operation_id`, `request_id`, `token_id` and `actor_id`; the last two with `from` and `to`.',
    dependentRequired: { token_id: ['from', 'to'], actor_id: ['from', 'to'] },
    ...exclusive(...ways.flatMap((one, index) => ways.slice(index + 1).map((other): [string, string] => [one, other]))),
  });
export type UndoRunBody = z.output<typeof UndoRunBody>;
