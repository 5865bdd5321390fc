import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { publicTypes } from '../../src/events/public-type.ts';
import { eventsPage } from '../../src/subscribers/events-page.ts';

test('docs/events.md lists every event as the code has it: `npm run events-page` writes it', async () => {
  const page = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8');
  for (const type of Object.values(publicTypes)) expect(page).toContain(`## \`${type}\``);
  expect(page).toBe(eventsPage());
});
