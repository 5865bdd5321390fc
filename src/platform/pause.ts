/** A pause that can be cut short. A wake-up while nobody pauses cuts the next pause short, so that none is lost. */
export class Pause {
  #isWoken = false;
  #end: (() => void) | undefined;

  async sleep(milliseconds: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isWoken = false;
    this.#end = undefined;
  }

  wake(): void {
    this.#isWoken = true;
    this.#end?.();
  }
}
