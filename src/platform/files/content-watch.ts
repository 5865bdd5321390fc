/** The content is not what the name says, or may be taken for something else as well. */
export class WrongContent extends Error {
  override name = 'WrongContent';
}

/** Looks into a file that comes, to tell whether it is what its extension says. Its methods throw WrongContent. */
export interface ContentWatch {
  chunk(bytes: Buffer): Promise<void> | void;
  /** All bytes are in the file of this path. @returns the media type */
  end(path: string, size: number): Promise<string>;
}
