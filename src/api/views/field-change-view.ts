import { z } from 'zod';

/** One field that an event changed. */
export const FieldChangeView = z
  .strictObject({
    field: z.string().describe('A field of the task, or a dotted name: `shares.<user id>`.'),
    from: z.unknown(),
    to: z.unknown(),
    erased: z.literal(true).optional().describe('The values are null because they were erased.'),
  })
  .meta({ id: 'FieldChange' });
