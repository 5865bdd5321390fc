import type { FileStorage, StoredBlob } from '../../src/platform/files/file-storage.ts';
import type { Client, Reply } from './service.ts';

/** A file as somebody uploads it. */
export interface FileToSend {
  name: string;
  content: string | Buffer;
}

export function upload(
  url: string,
  { token }: Pick<Client, 'token'>,
  taskId: string,
  { name, content }: FileToSend,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const form = new FormData();
  form.append('file', new Blob([content as Uint8Array<ArrayBuffer>]), name);
  return sendForm(url, token, taskId, form, headers);
}

export async function sendForm(url: string, token: string, taskId: string, body: FormData, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/api/v1/tasks/${taskId}/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === '' ? undefined : JSON.parse(text) } as Reply;
}

/** The smallest picture there is. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

export async function blobsIn(storage: Pick<FileStorage, 'list'>): Promise<StoredBlob[]> {
  const blobs: StoredBlob[] = [];
  for await (const blob of storage.list()) blobs.push(blob);
  return blobs;
}
