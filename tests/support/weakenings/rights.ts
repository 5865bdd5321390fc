// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source are quoted as they are
import type { Weakening } from '../weakenings.ts';

const erasedTags = 'erased tasks lose their tags';

/** What keeps tags from outliving the account of their task's owner. */
export const tagDefences: readonly Weakening[] = [
  {
    name: 'every member with tags is sealed',
    file: 'events/codec.ts',
    from: 'const { taskText, authorText } = schema;',
    to: "const { authorText } = schema;\n  const taskText = schema.taskText.filter((path) => !(WITHOUT && path === 'tags.to'));",
  },
  {
    name: erasedTags,
    file: 'projections/listing/task-row.ts',
    from: "{ title: '', description: '', tags: [] }",
    to: "{ title: '', description: '', ...(!WITHOUT && { tags: [] }) }",
  },
  {
    name: 'versions of erased tasks lose their tags',
    file: 'projections/history/history.ts',
    from: "tags = '{}' where id = any($1)`",
    to: "tags = ${WITHOUT ? 'tags' : `'{}'`} where id = any($1)`",
  },
  {
    name: 'the timeline of erased tasks loses their tags',
    file: 'projections/activity/forget.ts',
    from: 'if (tasks.length > 0) await client.write({ text: forgetTasks,',
    to: 'if (tasks.length > 0) await client.write({ text: WITHOUT ? forgetTasks.replaceAll("\'tags\'", "\'nothing\'") : forgetTasks,',
  },
];
