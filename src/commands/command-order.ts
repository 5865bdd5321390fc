import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import type { Position } from '../events/store/event-store.ts';
import type { Task } from '../events/task/task.ts';
import type { CommandCall, CommandIdentity } from './command-call.ts';
import type { TaskCommand } from './task/task-command.ts';

/** A command as it is carried out on one task. */
export interface Order<Input> {
  taskId: string;
  command: TaskCommand<Input>;
  input: Input;
  call: CommandCall;
  /** The call is on several tasks, and its key covers each on its own. */
  oneOfMany?: true;
  /** The task cannot be there yet, so that there is nothing to read first. */
  isNew?: true;
  /** Of the call, where it is known already. */
  identity?: CommandIdentity;
}

/** What became of a command: the task as it left it. */
export interface CommandOutcome {
  task: Task;
  revision: number;
  position: Position;
  /** What it appended, now or, when replayed, then; nothing when what was asked for was so already. */
  events: readonly RecordedTaskEvent[];
  /** The outcome is that of an earlier command with the same key. */
  replayed: boolean;
}
