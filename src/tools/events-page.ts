import { writeFile } from 'node:fs/promises';
import { eventsPage } from '../subscribers/events-page.ts';

/** Writes `docs/events.md`. */
await writeFile(new URL('../../docs/events.md', import.meta.url), eventsPage());
