import { z } from 'zod';
import { isStorable } from '../../events/values.ts';
import { typePatterns } from '../../subscribers/event-types.ts';
import { parseSecret } from '../../subscribers/webhooks/secret.ts';
import { requestedPosition } from '../forms.ts';

const storable = { error: 'must be well-formed text without NUL characters', params: { code: 'format' } };

const Url = z
  .string()
  .trim()
  .max(2048)
  .refine(isStorable, storable)
  .refine((text) => URL.canParse(text), { error: 'must be a URL', params: { code: 'format' } })
  // One address has one spelling, whichever a client writes.
  .transform((text) => new URL(text).href)
  .meta({
    description: 'https, or http outside of production, to an address of the public internet; of the ports below 1024, 80 and 443.',
    format: 'uri',
  });

const Types = z
  .array(z.enum(typePatterns))
  .min(1)
  .max(typePatterns.length)
  .transform((types) => [...new Set(types)])
  .meta({
    description: 'Types without `tasktrail.` and the version, `<resource>.*`, or `*`: everything about tasks, their comments and files.',
  });

const Description = z
  .string()
  .trim()
  .max(500)
  .refine(isStorable, storable)
  .meta({ description: 'What it is for, in the words of its owner.' });

// In base64, with the unused bits of the last digit at zero.
const three = '[A-Za-z0-9+/]{4}';
const two = '[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?';
const one = '[A-Za-z0-9+/][AQgw]={0,2}';

const Secret = z
  .string()
  .transform((text, context) => {
    const secret = parseSecret(text);
    if (secret !== undefined) return secret;
    context.addIssue({ code: 'custom', message: 'must be whsec_ and the base64 of 24 to 64 bytes', params: { code: 'format' } });
    return z.NEVER;
  })
  .meta({
    description: '`whsec_` and the base64 of 24 to 64 bytes. One is made when it is left out.',
    // Of 24 to 64 bytes: whole groups of three, and what is left over.
    pattern: `^whsec_(?:(?:${three}){8,20}(?:${two}|${one})?|(?:${three}){21}(?:${one})?)$`,
  });

export const NewWebhookBody = z
  .strictObject({ url: Url, types: Types, description: Description.default(''), secret: Secret.optional() })
  .meta({ id: 'NewWebhook' });

export const WebhookChangesBody = z
  .strictObject({ url: Url, types: Types, description: Description, active: z.boolean() })
  .partial()
  .meta({ id: 'WebhookChanges', description: '`active: true` also takes up again one that was disabled.' });

export const RotationBody = z.strictObject({ secret: Secret }).partial().meta({ id: 'WebhookRotation' });

const RequestedPosition = z
  .string()
  .regex(/^\d{1,30}$/, 'must be a position: decimal digits')
  .meta(requestedPosition);

export const ReplayBody = z
  .strictObject({
    after: RequestedPosition.meta({ description: 'A position: what comes behind it. `0`: from the beginning.' }),
    until: RequestedPosition.optional().meta({ description: 'A position: up to it. All there is now when left out.' }),
    types: Types.optional().meta({ description: 'Of the types of the webhook, those.' }),
  })
  .meta({ id: 'WebhookReplay' });
