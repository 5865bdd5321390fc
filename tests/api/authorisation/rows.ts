import type { Rows } from './cells.ts';
import { mailRows } from './mail-rows.ts';
import { accountRows, adminRows, openRows, webhookRows } from './other-rows.ts';
import { taskRows } from './task-rows.ts';

/** One row for each route that is served: a new route is not done without one. By method and path, as the route table has them. */
export const rows: Rows = { ...accountRows, ...mailRows, ...taskRows, ...webhookRows, ...adminRows, ...openRows };
