import { activity } from './activity/activity.ts';
import { history } from './history/history.ts';
import { listing } from './listing/listing.ts';

/** Every read model that there is. */
export const allProjections = [listing, activity, history] as const;
