import type { ErasedNames } from './keys/erased-names.ts';
import { type RecordedEvent, subjectId } from './recorded-event.ts';
import { hideUsernames } from './task/mentions.ts';

/**
 * Events as they may be shown: an `@name` by which a comment mentioned a user whose account is erased reads `@deleted-user`. An event that
 * says that an account is erased carries the digests of its usernames, by which read models find the name in the rows that they have.
 */
export async function hideErasedNames(events: readonly RecordedEvent[], names: ErasedNames): Promise<RecordedEvent[]> {
  const ids = new Set(events.flatMap(usersNamed));
  const digests = ids.size > 0 ? await names.digestsOf(ids) : new Map<string, ReadonlySet<string>>();
  return digests.size === 0 ? [...events] : events.map((event) => withoutNames(event, digests));
}

type Digests = ReadonlyMap<string, ReadonlySet<string>>;

function usersNamed(event: RecordedEvent): readonly string[] {
  switch (event.type) {
    case 'CommentAdded':
      return event.data.content === null ? [] : event.data.mentions;
    case 'CommentEdited':
      return [...event.data.mentions.from, ...event.data.mentions.to];
    case 'UserErasureRequested':
    case 'UserErased':
      return [subjectId(event)];
    default:
      return [];
  }
}

// The decoded data may be shared with other readers: it is copied, never changed.
function withoutNames(event: RecordedEvent, digests: Digests): RecordedEvent {
  switch (event.type) {
    case 'CommentAdded': {
      const { content, mentions } = event.data;
      return { ...event, data: { ...event.data, content: hideIn(content, mentions, digests) } } as RecordedEvent;
    }
    case 'CommentEdited': {
      const { content, mentions } = event.data;
      const from = hideIn(content?.from ?? null, mentions.from, digests);
      const to = hideIn(content?.to ?? null, mentions.to, digests);
      return content ? ({ ...event, data: { ...event.data, content: { ...content, from, to } } } as RecordedEvent) : event;
    }
    case 'UserErasureRequested':
    case 'UserErased': {
      const erasedNames = digests.get(subjectId(event));
      return erasedNames ? { ...event, erasedNames } : event;
    }
    default:
      return event;
  }
}

function hideIn(text: string | null, mentions: readonly string[], digests: Digests): string | null {
  if (text === null) return null;
  const hidden = new Set(mentions.flatMap((id) => [...(digests.get(id) ?? [])]));
  return hidden.size === 0 ? text : hideUsernames(text, hidden);
}
