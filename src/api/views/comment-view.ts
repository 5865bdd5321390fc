import { z } from 'zod';
import type { CommentState } from '../../events/task/task.ts';
import { Id, Time } from '../../events/values.ts';
import { nameOf, type People, PersonView, personIn } from './person-view.ts';

const Mention = z.strictObject({ id: Id, username: z.string() });

export const CommentView = z
  .strictObject({
    id: Id,
    task_id: Id,
    author: PersonView,
    content: z.string().nullable().meta({ description: 'null when its author was erased.' }),
    mentions: z.array(Mention),
    created_at: Time,
    updated_at: Time.nullable(),
    edited: z.boolean(),
    erased: z.boolean(),
  })
  .meta({ id: 'Comment' });
export type CommentView = z.output<typeof CommentView>;

/** What a comment said from one moment until the next version. */
export const CommentVersionView = z
  .strictObject({ content: z.string().nullable(), mentions: z.array(Mention), at: Time })
  .meta({ id: 'CommentVersion' });

export interface Comment extends CommentState {
  id: string;
  taskId: string;
  /** null once erased */
  content: string | null;
}

/** The people whose names the view of a comment shows. */
export function peopleIn({ authorId, mentions }: Pick<CommentState, 'authorId' | 'mentions'>): string[] {
  return [authorId, ...mentions];
}

export function commentView(comment: Comment, people: People): CommentView {
  return {
    id: comment.id,
    task_id: comment.taskId,
    author: personIn(people, comment.authorId),
    content: comment.content,
    mentions: mentionViews(comment.mentions, people),
    created_at: comment.createdAt,
    updated_at: comment.editedAt,
    edited: comment.editedAt !== null,
    erased: comment.content === null,
  };
}

export function mentionViews(mentions: readonly string[], people: People): z.output<typeof Mention>[] {
  return mentions.map((id) => ({ id, username: nameOf(personIn(people, id)) }));
}
