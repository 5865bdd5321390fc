import type { RecordedTaskEvent } from '../recorded-event.ts';

/** What a comment said from one moment on. */
export interface CommentVersion {
  /** null once erased */
  content: string | null;
  mentions: readonly string[];
  /** RFC 3339 UTC. */
  at: string;
}

/** What a comment has said, oldest first; none when there is no such comment. */
export function commentVersions(history: readonly RecordedTaskEvent[], commentId: string): CommentVersion[] {
  return history.flatMap(({ type, data, metadata: { occurred_at: at } }): CommentVersion[] => {
    if (type === 'CommentAdded' && data.comment_id === commentId) return [{ content: data.content, mentions: data.mentions, at }];
    if (type !== 'CommentEdited' || data.comment_id !== commentId) return [];
    return [{ content: data.content?.to ?? null, mentions: data.mentions.to, at }];
  });
}
