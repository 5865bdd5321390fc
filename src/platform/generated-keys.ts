import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** The keys of an installation: texts of 32 characters or more, from which the real keys are derived. */
export interface Keys {
  secret: string;
  master: string;
  signing: string;
  /** What `master` replaces, until everything is wrapped by that one. */
  formerMaster?: string | undefined;
}

const key = z.string().min(32);
const Kept = z.object({ SECRET_KEY: key, MASTER_KEY: key, SIGNING_KEY: key });
type Kept = z.output<typeof Kept>;

/**
 * The keys that are given, and for those that are not, the ones that `keys.json` in the directory keeps: made at the first start,
 * readable by their owner only, and the same ever after, also for instances that start at once.
 * @throws Error when the file is there and cannot be understood: other keys in its place would make all data unreadable
 */
export async function keysFor(directory: string, given: { [K in keyof Keys]?: string | undefined }): Promise<Keys> {
  const { secret, master, signing, formerMaster } = given;
  if (secret && master && signing) return { secret, master, signing, formerMaster };
  const file = path.join(directory, 'keys.json');
  const kept = (await read(file)) ?? (await create(file));
  return {
    secret: secret ?? kept.SECRET_KEY,
    master: master ?? kept.MASTER_KEY,
    signing: signing ?? kept.SIGNING_KEY,
    formerMaster,
  };
}

async function read(file: string): Promise<Kept | null> {
  const text = await readFile(file, 'utf8').catch(ifAbsent);
  if (text === null) return null;
  await chmod(file, 0o600);
  try {
    return Kept.parse(JSON.parse(text));
  } catch {
    throw new Error(`${file} holds no keys; restore it, or give SECRET_KEY, MASTER_KEY and SIGNING_KEY`);
  }
}

/** Whoever links its file first has made the keys; the others take those. They are on the disk before anything is sealed with them. */
async function create(file: string): Promise<Kept> {
  const directory = path.dirname(file);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    await write(draft, JSON.stringify({ SECRET_KEY: newKey(), MASTER_KEY: newKey(), SIGNING_KEY: newKey() }, null, 2));
    await link(draft, file).catch(ifThere);
  } finally {
    await rm(draft, { force: true });
  }
  await sync(directory);
  const kept = await read(file);
  if (!kept) throw new Error(`${file} has gone`);
  return kept;
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { flag: 'wx', mode: 0o600, flush: true });
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory);
  await handle.sync().finally(() => handle.close());
}

function newKey(): string {
  return randomBytes(32).toString('base64url');
}

function ifAbsent(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error;
  return null;
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
