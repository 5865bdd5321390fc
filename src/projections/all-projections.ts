import { activity } from './activity/activity.ts';
import { feed } from './feed/feed.ts';
import { history } from './history/history.ts';
import { listing } from './listing/listing.ts';

/** Every read model that there is. */
export const allProjections = [listing, activity, history, feed] as const;
