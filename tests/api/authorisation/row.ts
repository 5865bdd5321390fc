import type { Client } from '../../support/service.ts';
import type { CallerKind, For, Outcome, Relation, State, TokenNeeds } from './contract.ts';
import type { FreshSession, People } from './people.ts';

/** Where a call is tried. */
export interface Place {
  caller: CallerKind;
  state: State;
  /** Of the object: what the path names, or the body. */
  id: string;
  /** A tag that the object alone has. */
  tag: string;
  people: People;
  /** Whose the object is. */
  owner: Client;
  /** Opened for this call alone, where the row asks for one: the caller's, or the owner's where the caller can have none. */
  session: FreshSession;
  /** The account that calls; of somebody else where nobody does. */
  callerId: string;
  /** Of the comment, where there is one. */
  commentId: string;
  /** The call that edited it, where there was one. */
  operationId: string;
  /** Of the file, where there is one. */
  fileId: string;
  /** Of no other call. */
  number: number;
}

export interface Answered {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer may be anything
  body: any;
}

/** A route as it is well called, and what the contract says of it. */
export interface Row {
  /** Which of a route's calls it is, when one does not show all. */
  as?: string;
  for: For;
  token: TokenNeeds;
  /** What it is answered with when it is done; with its code where that is an error, at which every guard was passed. */
  done: number | string | readonly (number | string)[];
  /** What the object is: a task unless said otherwise; `nothing` is tried in one state only. */
  object?: 'task' | 'projection' | 'nothing' | ObjectKind;
  body?(place: Place): unknown;
  query?(place: Place): string;
  /** Of the path, besides the id of the object. */
  params?(place: Place): Record<string, string>;
  /** There is a comment on the task: of the caller or of somebody else, who may have deleted it. */
  comment?: 'own' | 'own, deleted' | "another's" | "another's, deleted";
  /** There is a file on the task, whose content is purged. */
  file?: true;
  /** The type of a body that is no JSON, and is sent as it is. */
  type?: string;
  /** What it is the absence of, where that is not the task. */
  absent?: string;
  /** The task was edited, in revision 1: by the caller or by somebody else. */
  edited?: 'own' | "another's";
  /** The call is given a session of its own, which it may end; who calls with a session calls with that one. */
  ownSession?: true;
  /** All of them unless said otherwise. */
  states?: readonly State[];
  /** The assignee is tried in every state of the assignment, also where the states are named. */
  assignments?: true;
  /** What became of the object, where the answer is 200 to all and tells of each inside. */
  inside?(answer: Answered): Outcome;
  /** A list, and to whom it shows the object. */
  list?: { shows(relation: Relation, state: State): boolean; has?(answer: Answered, place: Place): boolean };
  /** What its objects' own tags begin with, where that matters. */
  tagged?: string;
  /** The service does few of these at once. */
  oneByOne?: true;
  /** It is done and writes nothing. */
  writesNothing?: true;
}

/** What else than a task a path may name: something of somebody's. */
export interface ObjectKind {
  /** What it is the absence of. */
  absent: string;
  states: readonly State[];
  /** Makes one of the owner's; in the state `deleted`, one that was. @returns its id */
  make(place: Omit<Place, 'id'>): Promise<string>;
}
