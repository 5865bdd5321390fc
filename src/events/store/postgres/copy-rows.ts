import type pg from 'pg';

/** A message of pg's protocol layer that carries a piece of a COPY; its chunk is only valid while it is being handled. */
interface CopyData {
  chunk: Buffer;
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/**
 * A query in pg's own form that runs `COPY … TO STDOUT (FORMAT binary)` and hands on one row after the other. An ordinary query would
 * have every byte of the bodies come as two hexadecimal digits: this is nearly twice as fast, for half of the time in this process.
 */
export class CopyRows implements pg.Submittable {
  readonly #text: string;
  readonly #onRow: (fields: RowFields) => void;
  #begun = false;
  #failure: unknown;
  readonly query_timeout: number;
  /** Called by whoever runs the query when it is over; pg wraps it for the timeout. */
  callback: (error: unknown) => void;

  constructor(text: string, onRow: (fields: RowFields) => void, options: { answerWithin: number; done: (error: unknown) => void }) {
    this.#text = text;
    this.#onRow = onRow;
    this.query_timeout = options.answerWithin;
    this.callback = options.done;
  }

  submit(connection: pg.Connection): void {
    (connection as unknown as { query(text: string): void }).query(this.#text);
  }

  /** The server sends each row in a message of its own, the first together with the header, and a last one that says -1. */
  handleCopyData({ chunk }: CopyData): void {
    let offset = 0;
    if (!this.#begun) {
      this.#begun = true;
      offset = SIGNATURE.length + 8 + chunk.readInt32BE(SIGNATURE.length + 4);
    }
    if (this.#failure || offset === chunk.length || chunk.readInt16BE(offset) === -1) return;
    try {
      // pg uses the memory again for what comes next.
      this.#onRow(new RowFields(Buffer.from(chunk.subarray(offset + 2))));
    } catch (error) {
      this.#failure = error;
    }
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(this.#failure ?? null);
  }

  handleCommandComplete(): void {}
}

/** The fields of a row, none of them null, read one after the other. */
export class RowFields {
  readonly #row: Buffer;
  #offset = 0;

  constructor(row: Buffer) {
    this.#row = row;
  }

  bigint(): bigint {
    this.#offset += 12;
    return this.#row.readBigInt64BE(this.#offset - 8);
  }

  integer(): number {
    this.#offset += 8;
    return this.#row.readInt32BE(this.#offset - 4);
  }

  /** Of text that is known to be ASCII. */
  ascii(): string {
    const start = this.#offset + 4;
    this.#offset = start + this.#row.readInt32BE(this.#offset);
    return this.#row.toString('latin1', start, this.#offset);
  }

  bytes(): Buffer {
    const start = this.#offset + 4;
    this.#offset = start + this.#row.readInt32BE(this.#offset);
    return this.#row.subarray(start, this.#offset);
  }
}
