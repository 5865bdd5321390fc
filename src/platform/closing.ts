/** What has been opened, to be closed in the opposite order. */
export interface Closing {
  /** Registers how to close something, as soon as it is open. */
  add(name: string, close: () => Promise<unknown>): void;
  /** Closes everything, the last first; one that fails does not keep the others open. May be called again. */
  close(): Promise<void>;
}

/** @param onFailure told what could not be closed */
export function createClosing(onFailure: (name: string, error: unknown) => void): Closing {
  const open: { name: string; close: () => Promise<unknown> }[] = [];
  let closed: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    for (let last = open.pop(); last; last = open.pop()) {
      try {
        await last.close();
      } catch (error) {
        onFailure(last.name, error);
      }
    }
  }

  return {
    add: (name, close) => void open.push({ name, close }),
    close() {
      closed ??= closeAll();
      return closed;
    },
  };
}
