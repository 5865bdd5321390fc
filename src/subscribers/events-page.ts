import { publicTypes } from '../events/public-type.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import { allEventTypes } from '../events/upcasters.ts';
import { withoutPersonalMembers } from './cloud-event.ts';
import { eventCatalogue } from './event-catalogue.ts';
import { exampleEvent } from './example-event.ts';
import { personalMembers } from './personal-members.ts';

type Name = RecordedEvent['type'];

/** The page that lists every event, in Markdown: made from what the events are written and read with. */
export function eventsPage(): string {
  const names = Object.keys(allEventTypes) as Name[];
  return `${introduction()}\n${names.map(section).join('\n')}`;
}

function introduction(): string {
  const personal = withoutPersonalMembers('CommentAdded', exampleEvent('CommentAdded'));
  return `# Every event

Made by \`npm run events-page\` from the code; the same, for programs, is in \`/asyncapi.json\`. Events are told as CloudEvents 1.0, the same ones by
\`GET /api/v1/events\`, \`GET /api/v1/events/stream\`, webhooks and Kafka:

${json(exampleEvent('TaskTransitioned'))}

- \`id\` is the same wherever and however often an event is told: drop repeats by it. \`position\` orders all events (compare it as an integer of any
  size), \`revision\` those of one stream, which \`partitionkey\` names. \`correlationid\` is the operation: one for each call or job.
- \`tokenid\` is there when a personal access token was used, \`causationid\` when another event was the cause, and \`undoof\` lists the revisions that
  an undo takes back.
- \`data\` holds ids, never names or addresses of people. About a task it has \`task\`, as the event left it.
- \`redacted\` lists, as JSON pointers into \`data\` with commas between them, what is null because it may not be shown: text that was erased, and in
  Kafka all text but the titles of tasks, because it could not be erased there. Tags that were erased are an empty list. In Kafka a comment comes
  with this as its value:

${json(personal.data)}

- What somebody may see now is shown to them, with its past. An event that takes access to a task away is shown to whom it is taken from with
  \`"data": {"task": {"id": "…"}}\`, as the last one of that task.
- Types and members may be added: ignore what you do not know.
`;
}

function section(name: Name): string {
  const { summary } = eventCatalogue[name];
  const personal = personalMembers(name).map((member) => `\`${member}\``);
  const { data } = exampleEvent(name);
  return `## \`${publicTypes[name]}\`

${summary}${personal.length > 0 ? ` Not in Kafka: ${personal.join(', ')}.` : ''}

${json(data)}
`;
}

function json(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;
}
