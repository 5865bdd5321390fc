import type { Config } from './config.ts';
import type { Closing } from './platform/closing.ts';
import type { Keys } from './platform/generated-keys.ts';
import type { Logger } from './platform/logging.ts';
import type { Tracing } from './platform/tracing.ts';

/** What the composition of every part has in common. */
export interface Composition {
  config: Config;
  logger: Logger;
  closing: Closing;
  /** Gives up the start. */
  signal: AbortSignal;
  keys: Keys;
  /** Undefined when nobody collects traces. */
  tracing: Tracing | undefined;
}
