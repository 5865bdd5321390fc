import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { matchesEtag } from './etag.ts';
import type { Answer, RequestContext } from './route.ts';

/** The codings that content is compressed with, the best first. */
export const codings = ['br', 'gzip'] as const;
export type Coding = (typeof codings)[number];

/** Compresses bytes apart from the event loop. */
export type Compress = (bytes: Uint8Array, coding: Coding) => Promise<Uint8Array>;

/** In bytes: below, compressing costs more than it saves. */
const MIN_COMPRESSED = 1024;
const compressible = /^(?:text\/|application\/(?:json|javascript))/;

interface Variant {
  bytes: Uint8Array;
  etag: string;
}

/** Bytes that never change while the process runs: each of their variants is compressed once, when it is first asked for. */
export class ConstantContent {
  readonly #contentType: string;
  readonly #plain: Variant;
  readonly #compress: Compress;
  readonly #compressed = new Map<Coding, Promise<Variant>>();

  constructor(contentType: string, bytes: Uint8Array, compress: Compress = compressBytes) {
    this.#contentType = contentType;
    this.#compress = compress;
    this.#plain = { bytes, etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 16) };
  }

  /** 304 to a caller who has one of the variants; otherwise the one that `Accept-Encoding` prefers. */
  async answer(request: RequestContext, headers: Record<string, string> = {}): Promise<Answer> {
    const tags = [undefined, ...codings].map((coding) => this.#etagOf(coding));
    const known = tags.find((tag) => matchesEtag(request.header('if-none-match'), tag));
    if (known !== undefined) return { status: 304, headers: { ...headers, ETag: known } };
    const coding = this.#isCompressible() ? request.preferredCoding(codings) : undefined;
    const { bytes, etag } = await this.#variant(coding);
    return {
      status: 200,
      headers: { ...headers, ETag: etag, ...(coding && { 'Content-Encoding': coding }) },
      content: { contentType: this.#contentType, content: bytes, asItIs: true },
    };
  }

  #isCompressible(): boolean {
    return this.#plain.bytes.length >= MIN_COMPRESSED && compressible.test(this.#contentType);
  }

  async #variant(coding: Coding | undefined): Promise<Variant> {
    const etag = this.#etagOf(coding);
    if (coding === undefined) return { bytes: this.#plain.bytes, etag };
    const known = this.#compressed.get(coding) ?? this.#compress(this.#plain.bytes, coding).then((bytes) => ({ bytes, etag }));
    this.#compressed.set(coding, known);
    return known;
  }

  /** Each variant has a tag of its own, for a strong tag names bytes. */
  #etagOf(coding: Coding | undefined): string {
    return `"${this.#plain.etag}${coding === undefined ? '' : `-${coding}`}"`;
  }
}

/** Brotli from level 6 on takes many times as long, and saves a few per cent more. */
const brotliParams = { [constants.BROTLI_PARAM_QUALITY]: 6 };

function compressBytes(bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
  return coding === 'br' ? promisify(brotliCompress)(bytes, { params: brotliParams }) : promisify(gzip)(bytes, { level: 9 });
}
