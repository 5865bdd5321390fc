import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isStorable } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import { requireWithinLimits } from './body-limits.ts';
import { below, type Faults, unknownKey } from './faults.ts';
import { hasBody } from './lingering.ts';
import { parseMediaType } from './media-types.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';

/** In bytes. */
export const bodyLimit = 1024 * 1024;

/** A body, and the text that it was. */
export interface SentJson {
  value: unknown;
  text: string;
}

/** The client went away before it had said what it wanted: nobody is there to be answered. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

/**
 * The body as JSON; undefined when there is none.
 * @throws BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, MALFORMED_JSON, MALFORMED_REQUEST, VALIDATION_FAILED, ClientGone
 */
export async function readJson(request: IncomingMessage): Promise<SentJson | undefined> {
  const { headers } = request;
  if (!hasBody(request)) return undefined;
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  requireJson(headers);
  if (!isUtf8(bytes)) throw malformed();
  const text = bytes.toString();
  const value = parsed(text);
  requireWithinLimits(value);
  return { value, text };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

/** Reads the body of a request that takes none, whatever it holds. @throws BODY_TOO_LARGE, ClientGone */
export async function discardBody(request: IncomingMessage): Promise<void> {
  await readBytes(request);
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length']) > bodyLimit) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyLimit) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        reject(tooLarge());
      }
    });
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.once('error', () => reject(new ClientGone()));
  });
}

function requireJson(headers: IncomingMessage['headers']): void {
  requireUncompressed(headers);
  const type = parseMediaType(headers['content-type'] ?? '');
  const charset = type?.parameters.get('charset') ?? 'utf-8';
  if (!type || !/^application\/(?:.+\+)?json$/.test(type.name) || !/^utf-?8$/i.test(charset))
    throw new Rejection('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json, in UTF-8');
}

/** @throws UNSUPPORTED_MEDIA_TYPE, with the coding that bodies may have (RFC 9110, 12.5.3) */
export function requireUncompressed(headers: IncomingMessage['headers']): void {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return;
  const refusal = new Rejection('UNSUPPORTED_MEDIA_TYPE', 'The body must not be compressed');
  throw new RefusalWithHeaders(refusal, { 'Accept-Encoding': 'identity' });
}

function tooLarge(): Rejection {
  return new Rejection('BODY_TOO_LARGE', 'The body is larger than can be taken', [{ limit: bodyLimit }]);
}

function malformed(): Rejection {
  return new Rejection('MALFORMED_JSON', 'The body is not JSON');
}

/**
 * Adds what no schema may let pass: text that cannot be stored, and the key that would set a prototype. In valid JSON both can only
 * come from an escape or from the key's own name, so that all other bodies are not walked.
 */
export function addUnsafe({ value, text }: SentJson, faults: Faults): void {
  if (!text.includes('\\u') && !text.includes('__proto__')) return;
  const left: { value: unknown; path: string }[] = [{ value, path: '' }];
  for (let next = left.pop(); next; next = left.pop()) {
    if (typeof next.value === 'string') requireStorable(next.value, next.path, faults);
    else if (typeof next.value === 'object' && next.value !== null) {
      for (const [key, inner] of Object.entries(next.value)) {
        const path = below(next.path, key);
        if (key === '__proto__' || !isStorable(key)) faults.add(unknownKey(path));
        else left.push({ value: inner, path });
      }
    }
  }
}

function requireStorable(value: string, path: string, faults: Faults): void {
  if (!isStorable(value)) faults.add({ path, message: 'must be well-formed text without NUL characters', code: 'format' });
}
