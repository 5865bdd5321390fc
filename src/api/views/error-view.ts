import { z } from 'zod';
import { rejectionCodes } from '../../rejection.ts';
import { growing } from '../forms.ts';

/** What can be wrong with one part of a request. Closed. */
export const faultCodes = [
  'required',
  'type',
  'too_short',
  'too_long',
  'too_small',
  'too_big',
  'format',
  'not_one_of',
  'unknown_key',
  'duplicate',
  'conflicts_with',
] as const;

export const FaultView = z
  .strictObject({
    path: z.string().describe('A dotted path in the body; behind `query.`, `path.` or `header.` outside it.'),
    message: z.string(),
    code: z.enum(faultCodes),
  })
  .meta({ id: 'Fault', description: 'One thing that is wrong with a request.' });
export type FaultView = z.output<typeof FaultView>;

export const ErrorView = z
  .strictObject({
    error: z.strictObject({
      code: growing(rejectionCodes),
      message: z.string().describe('For people; programs go by the code.'),
      request_id: z.string(),
      details: z.array(z.record(z.string(), z.unknown())).describe('In the shape that the code promises.'),
    }),
  })
  .meta({ id: 'ApiError', description: 'Why a request was not answered as asked.' });
export type ErrorView = z.output<typeof ErrorView>;
