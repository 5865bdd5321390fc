import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig, readEnvironment } from '../config.ts';
import { openErasureRecord, recordFile, wishesIn } from '../erasure/erasure-record.ts';
import { createKeysCheck, type KeysCheck } from '../events/integrity/check-keys.ts';
import { headsFileIn, readLines } from '../events/integrity/heads-file.ts';
import { type HeadsRead, readHeads } from '../events/integrity/read-heads.ts';
import { keyIdOf } from '../events/integrity/signing-key.ts';
import { type LogVerification, verifyLog } from '../events/integrity/verify-log.ts';
import { refuseWrongMasterKey } from '../events/keys/installation-seal.ts';
import type { ForeignEvent } from '../events/store/eventstoredb/foreign-events.ts';
import { findMisfiled, firstPosition } from '../events/store/postgres/inspect-log.ts';
import { VOCABULARY } from '../events/vocabulary.ts';
import { type Keys, keysFor } from '../platform/generated-keys.ts';
import { occupy } from '../platform/postgres/occupancy.ts';
import { findMissingRecords } from '../records/missing-records.ts';
import { openRecordCopies } from '../records/record-copies.ts';
import { createSealedCounts } from '../records/record-counts.ts';
import { runTool, type Tool, UsageError } from './command-line.ts';
import { type Installation, openInstallation, signingKeyOf } from './installation.ts';
import { createWitnesses } from './log/compare-read-models.ts';
import { EventCursor } from './log/event-cursor.ts';
import { eventsUpTo } from './log/events-up-to.ts';
import type { ReadableLog } from './log/log.ts';
import { openLog } from './log/open-log.ts';

const usage = 'npm run verify -- [--heads log-heads.ndjson] [--key public.pem …] [--without-heads] [--public-key]';
/** One tampering may show in many places; the first tell enough. */
const MOST_FAULTS = 20;

interface Asked {
  heads?: string | undefined;
  key?: string[] | undefined;
  'public-key'?: boolean | undefined;
  'without-heads'?: boolean | undefined;
}

/** Verifies the whole log. The service may run meanwhile. */
await runTool(
  usage,
  async (tool) => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        heads: { type: 'string' },
        key: { type: 'string', multiple: true },
        'public-key': { type: 'boolean' },
        'without-heads': { type: 'boolean' },
      },
    });
    if (positionals.length > 0) throw new UsageError('there is one log, the one of this installation');
    await (values['public-key'] ? printPublicKey(tool) : verify(tool, values));
  },
  'the log or its keys are not what was written, records beside the database are missing, or the log could not be read',
);

/** For where the heads are to be verified without SIGNING_KEY, or after it has changed. */
async function printPublicKey({ say }: Tool): Promise<void> {
  const { publicKey } = await signingKeyOf(loadConfig(readEnvironment()));
  say(publicKey.export({ format: 'pem', type: 'spki' }).toString().trimEnd());
}

async function verify(tool: Tool, asked: Asked): Promise<void> {
  const installation = await openInstallation(tool);
  // Not while another tool is filling the log.
  await (await occupy(installation.connectionString, { vocabulary: VOCABULARY, log() {} })).release();
  const keys = await keysFor(installation.config.dataDir, installation.config.keys);
  await refuseWrongMasterKey(installation.pool, keys);
  const foreign: ForeignEvent[] = [];
  const { log, store } = await openLog(installation, tool, {
    url: installation.config.eventStoreUrl,
    onForeign: (event) => event.isInOwnStream && foreign.push(event),
  });
  // The heads before the end of the log: so every event of theirs is among those that are read, whatever is written meanwhile.
  const { file, ...signed } = await signedHeads(installation, log, asked);
  const faults = faultList(tool);
  if (signed.fault !== null) faults.add(`${file}: ${signed.fault}; this line and those behind it are not used`);
  const witnesses = createWitnesses(installation.pool, store);
  for (const what of await witnesses.ahead()) faults.add(what);
  // A copy of the heads is verified where the rest of DATA_DIR is not.
  const isInPlace = asked.heads === undefined && asked['without-heads'] !== true;
  if (isInPlace) for (const what of await missingRecords(installation, keys, file)) faults.add(what);
  const keysCheck = createKeysCheck({ pool: installation.pool, keys, store });
  const since = performance.now();
  const { missingStreams } = await store.incidents();
  for (const { stream, position, how } of missingStreams) faults.add(`position ${position}: stream ${stream} ${how}`);
  const verification = await readThrough(tool, installation, { log, keysCheck, heads: signed.heads, foreign }, faults);
  for await (const what of witnesses.shortened(verification.revisionOf)) faults.add(what);
  const seconds = (performance.now() - since) / 1000;
  const rate = `${seconds.toFixed(1)} s, ${Math.round(verification.events / seconds)} events/s`;
  tool.say(`${verification.events} events of ${verification.streams} streams in ${log.name} were verified: ${rate}`);
  tool.say(protection(file, signed, verification));
  if (faults.first !== undefined) {
    const others = faults.count > 1 ? ` (the first of ${faults.count} faults)` : '';
    throw new Error(`The log is not what was written: ${faults.first}${others}`);
  }
  const isUnprotected = signed.heads.length === 0 && verification.events > 0 && asked['without-heads'] !== true;
  if (isUnprotected) throw new Error(`${file} has no signed heads: name the file by --heads, or say --without-heads where none is wanted`);
  tool.say('All events are there, as they were written, and so are their keys');
}

async function signedHeads({ config }: Installation, log: ReadableLog, asked: Asked): Promise<HeadsRead & { file: string }> {
  const file = asked.heads ?? headsFileIn(config.dataDir);
  const lines = await readLines(file);
  if (asked.heads !== undefined && lines.length === 0) throw new Error(`${file} has no signed heads`);
  const keys = [...(await Promise.all((asked.key ?? []).map(readPublicKey))), (await signingKeyOf(config)).publicKey];
  const byId = new Map(keys.map((key) => [keyIdOf(key), key]));
  return { file, ...readHeads(lines, log.logId, byId) };
}

/** What of the erasures and heads was kept beside the database once, and is not there now. */
async function missingRecords({ config, pool }: Installation, keys: Keys, headsFile: string): Promise<string[]> {
  const copies = await openRecordCopies(config);
  const { wasThere, all } = await openErasureRecord(join(config.dataDir, recordFile));
  const copied = (await copies?.erasures()) ?? [];
  const recorded = new Set([...all(), ...copied.flatMap(wishesIn)].map(({ user_id }) => user_id));
  const headFiles = [await readLines(headsFile), ...((await copies?.headFiles()) ?? [])];
  copies?.close();
  return findMissingRecords(await createSealedCounts(pool, keys).read(), {
    erasures: wasThere || copied.length > 0 ? recorded.size : null,
    headFiles,
  });
}

async function readPublicKey(file: string): Promise<KeyObject> {
  try {
    return createPublicKey(await readFile(file));
  } catch (error) {
    throw new Error(`${file} holds no public key`, { cause: error });
  }
}

async function readThrough(
  { signal, progress }: Tool,
  { config, pool }: Installation,
  { log, keysCheck, heads, foreign }: { log: ReadableLog; keysCheck: KeysCheck; heads: HeadsRead['heads']; foreign: ForeignEvent[] },
  faults: FaultList,
): Promise<LogVerification> {
  const head = await log.head();
  const inPostgres = config.eventStoreUrl === undefined;
  const verification = verifyLog({ heads, firstPosition: inPostgres ? await firstPosition(pool) : undefined });
  const events = new EventCursor(eventsUpTo(log, head, signal));
  const addForeign = () => {
    for (const { revision, ...event } of foreign.splice(0))
      faults.add(verification.addForeign({ ...event, revision: revision ?? -1 }).what);
  };
  try {
    for (let page = await events.nextPage(); page; page = await events.nextPage()) {
      addForeign();
      for (const event of page) for (const { what } of verification.add(event)) faults.add(what);
      for (const what of await keysCheck.add(page)) faults.add(what);
      progress.show('verifying', Number((page.at(-1)!.position * 1000n) / head) / 1000, `${verification.events} events`);
    }
  } finally {
    await events.close();
  }
  addForeign();
  for (const { what } of verification.finish()) faults.add(what);
  for (const what of await keysCheck.finish()) faults.add(what);
  const misfiled = inPostgres ? await findMisfiled(pool, head) : null;
  if (misfiled)
    faults.add(`position ${misfiled.position}: revision ${misfiled.revision} of ${misfiled.stream} is filed under another stream`);
  return verification;
}

/** How much of the log the heads speak for. */
function protection(file: string, { heads, fault }: HeadsRead, { events, unsigned }: LogVerification): string {
  const last = heads.at(-1);
  if (!last && fault !== null)
    return 'No signed head can be relied on: a stream that was dropped whole, or an end that was cut off, does not show';
  if (!last) return `There are no signed heads in ${file}: a stream that was dropped whole, or an end that was cut off, would not show`;
  const after = unsigned === 0 ? 'nothing came after' : `the ${Math.min(unsigned, events)} events after it have no protection yet`;
  return `${heads.length} signed ${heads.length === 1 ? 'head' : 'heads'}, the last of ${last.at} with ${last.events} events: ${after}`;
}

interface FaultList {
  add(what: string): void;
  readonly count: number;
  readonly first: string | undefined;
}

function faultList({ say }: Tool): FaultList {
  let count = 0;
  let first: string | undefined;
  return {
    add(what) {
      first ??= what;
      if (++count <= MOST_FAULTS) say(what);
      if (count === MOST_FAULTS + 1) say('…');
    },
    get count() {
      return count;
    },
    get first() {
      return first;
    },
  };
}
