import { writeFile } from 'node:fs/promises';
import { eventsPage } from '../subscribers/events-page.ts';
import { runTool } from './command-line.ts';

/** Writes `docs/events.md`. */
await runTool('npm run events-page', () => writeFile(new URL('../../docs/events.md', import.meta.url), eventsPage()));
