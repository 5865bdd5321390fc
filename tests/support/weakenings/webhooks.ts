// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source are quoted as they are
import type { Weakening } from '../weakenings.ts';

/** What keeps a webhook's owner, and everyone else, safe from the webhook. */
export const webhookDefences: readonly Weakening[] = [
  {
    name: 'a change of a webhook is answered before its deliveries are cancelled',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'if (!changed.active || changes.active) followUps.cancel(id);',
    to: `if (WITHOUT) await database.rows("update webhooks.deliveries set status = 'cancelled', settled_at = now() where webhook_id = $1 and status = 'waiting'", [id]);
      else if (!changed.active || changes.active) followUps.cancel(id);`,
  },
];
