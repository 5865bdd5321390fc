import { Rejection } from '../../rejection.ts';
import { changeTags } from './edit-task.ts';
import { onTask } from './task-command.ts';

const MOST_TAGS = 20;

/** Adds tags to those that are there. */
export const addTags = onTask<{ tags: readonly string[] }>({
  needs: 'edit',
  decide(task, { tags }) {
    const all = [...new Set([...task.tags, ...tags])].sort();
    if (all.length > MOST_TAGS) {
      const message = `A task has at most ${MOST_TAGS} tags; with these it would have ${all.length}`;
      throw new Rejection('VALIDATION_FAILED', message, [{ path: 'tags', message, code: 'too_long' }]);
    }
    return changeTags(task, all);
  },
});

export const removeTag = onTask<{ tag: string }>({
  needs: 'edit',
  decide(task, { tag }) {
    if (!task.tags.includes(tag)) throw new Rejection('TAG_NOT_FOUND', 'The task has no such tag');
    return changeTags(
      task,
      task.tags.filter((other) => other !== tag),
    );
  },
});
