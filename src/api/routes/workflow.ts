import { z } from 'zod';
import { doneStatus, initialStatus, workflow } from '../../events/task/workflow.ts';
import { Status, statuses } from '../../events/values.ts';
import { JsonText, type Route, route } from '../route.ts';

const WorkflowView = z
  .strictObject({
    initial: Status,
    done: Status,
    statuses: z.array(z.strictObject({ name: Status, transitions: z.array(Status) })),
  })
  .meta({ id: 'Workflow', description: 'Which statuses a task may move to, from each.' });

export function workflowRoutes(): Route[] {
  const view: z.output<typeof WorkflowView> = {
    initial: initialStatus,
    done: doneStatus,
    statuses: statuses.map((name) => ({ name, transitions: [...workflow[name]] })),
  };
  const body = new JsonText(JSON.stringify(view));
  return [
    route({
      method: 'get',
      path: '/workflow',
      tag: 'Tasks',
      summary: 'The statuses of tasks, and the ways between them',
      needs: 'open',
      answers: { 200: WorkflowView },
      rejects: [],
      handle: () => ({ status: 200, body }),
    }),
  ];
}
