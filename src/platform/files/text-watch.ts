import { type ContentWatch, WrongContent } from './content-watch.ts';

/** What is text and yet a document of another kind. */
const documents = ['%PDF-', '%!PS', '{\\rtf', 'GIF87a', 'GIF89a'];

/** UTF-8 without NUL, all of it, as it comes. */
export function textWatch(contentType: string): ContentWatch {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let head = '';
  const take = (bytes?: Buffer) => {
    let text: string;
    try {
      text = bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw new WrongContent('The content is not text in UTF-8');
    }
    if (bytes?.includes(0)) throw new WrongContent('The content is not text: it has NUL in it');
    if (head.length < 16) head += text.slice(0, 16);
  };
  return {
    chunk: take,
    async end() {
      take();
      if (documents.some((magic) => head.startsWith(magic))) throw new WrongContent('The content is a document of another kind');
      return contentType;
    },
  };
}
