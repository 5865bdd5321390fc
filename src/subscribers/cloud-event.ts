import { publicTypes } from '../events/public-type.ts';
import { type RecordedEvent, subjectId } from '../events/recorded-event.ts';
import { put, take } from '../events/sealed-members.ts';
import { dataSeen, type ShareReader } from '../events/task/shares-seen.ts';
import type { Status } from '../events/values.ts';
import { personalMembers } from './personal-members.ts';

/** An event as the world outside gets it: CloudEvents 1.0, in the JSON format. Extensions are strings or integers, as it wants them. */
export interface CloudEvent {
  specversion: '1.0';
  /** The same wherever and however often the event is told: to drop repeats by. */
  id: string;
  /** `urn:tasktrail:` and the identity of the log. */
  source: string;
  type: string;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  /** Decimal digits: an integer of any size. */
  position: string;
  revision: number;
  /** The stream: what has the same one is in order. */
  partitionkey: string;
  authtype: 'user' | 'system';
  authid: string;
  tokenid?: string;
  correlationid: string;
  causationid?: string;
  requestid?: string;
  /** The revisions that it takes back, with commas between them. */
  undoof?: string;
  /** JSON pointers into `data`, with commas between them: what is null there because it may not be shown. */
  redacted?: string;
  data: Record<string, unknown>;
}

/** A task as an event left it. */
export interface TaskAsLeft {
  /** Null once erased. */
  title: string | null;
  status: Status;
}

export interface Rendering {
  logId: string;
  /** Of an event about a task. */
  task: TaskAsLeft | null;
  /** Whom it is for, where that is one user. */
  reader?: ShareReader;
}

/** The event, with all that its reader may see of it. */
export function cloudEvent(event: RecordedEvent, { logId, task, reader }: Rendering): CloudEvent {
  const { token_id, causation_id, request_id, undo_of } = event.metadata;
  const { data, hidden } = reader ? dataSeen(event, reader) : { data: event.data, hidden: [] };
  const redacted = [...event.redacted, ...hidden, ...(task?.title === null ? ['/task/title'] : [])];
  return {
    ...envelope(event, subjectOf(event), logId),
    ...(token_id !== undefined && { tokenid: token_id }),
    ...(causation_id !== undefined && { causationid: causation_id }),
    requestid: request_id,
    ...(undo_of !== undefined && { undoof: undo_of.join(',') }),
    ...redactedAs(redacted),
    data: { ...data, ...(task && { task: { id: subjectId(event), ...task } }) },
  };
}

/** The event for somebody whose access to the task it took away: what happened to which task, and nothing of the task itself. */
export function accessLost(event: RecordedEvent, logId: string): CloudEvent {
  const id = subjectId(event);
  return { ...envelope(event, `tasks/${id}`, logId), data: { task: { id } } };
}

/** The same without the text that users wrote, but for a task's title: for where it could never be taken back from. */
export function withoutPersonalMembers(type: RecordedEvent['type'], event: CloudEvent): CloudEvent {
  const { rest: data, sealed: removed } = take(event.data, personalMembers(type));
  const paths = Object.keys(removed);
  if (paths.length === 0) return event;
  for (const path of paths) put(data, path, null);
  const { redacted, ...rest } = event;
  const pointers = [...(redacted?.split(',') ?? []), ...paths.map((path) => `/${path.replaceAll('.', '/')}`)];
  return { ...rest, ...redactedAs(pointers), data };
}

type Envelope = Omit<CloudEvent, 'data' | 'redacted'>;

function envelope({ type, metadata, position, revision, stream }: RecordedEvent, subject: string, logId: string): Envelope {
  return {
    specversion: '1.0',
    id: metadata.event_id,
    source: `urn:tasktrail:${logId}`,
    type: publicTypes[type],
    subject,
    time: metadata.occurred_at,
    datacontenttype: 'application/json',
    position: position.toString(),
    revision,
    partitionkey: stream,
    authtype: metadata.actor.kind === 'system' ? 'system' : 'user',
    authid: metadata.actor.id,
    correlationid: metadata.operation_id,
  };
}

function subjectOf(event: RecordedEvent): string {
  const id = subjectId(event);
  if (event.stream.startsWith('user-')) return `users/${id}`;
  return 'comment_id' in event.data ? `tasks/${id}/comments/${event.data.comment_id}` : `tasks/${id}`;
}

function redactedAs(pointers: readonly string[]): { redacted?: string } {
  return pointers.length > 0 ? { redacted: [...new Set(pointers)].sort().join(',') } : {};
}
