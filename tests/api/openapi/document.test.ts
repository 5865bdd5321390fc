import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asyncApiDocument } from '../../../src/api/asyncapi/document.ts';
import { openApiDocument } from '../../../src/api/openapi/document.ts';
import { rejectionCodes } from '../../../src/rejection.ts';
import { type Client, startTestService, type TestService } from '../../support/service.ts';
import { COMBINATIONS, refusedThoughValid, takenThoughInvalid } from './exceptions.ts';
import { mutationsOf } from './invalid-requests.ts';
import { type Json, type Operation, operationRules, operationsOf, rules } from './rules.ts';
import { type Received, sendDrawn } from './send-drawn.ts';
import { type Drawn, schemaTools } from './valid-requests.ts';

/** How many valid requests are drawn for each operation. */
const RUNS = Number(process.env.OPENAPI_RUNS ?? 5);
const SEED = Number(process.env.OPENAPI_SEED ?? 20);
const AT_ONCE = 6;

let service: TestService;
let admin: Client;
let openApi: Json;
let asyncApi: Json;
beforeAll(async () => {
  service = await startTestService();
  admin = await service.admin();
  openApi = (await service.anonymous.send('GET', '/openapi.json')).body;
  asyncApi = (await service.anonymous.send('GET', '/asyncapi.json')).body;
}, 60_000);
afterAll(() => service?.stop());

describe('the documents', () => {
  test.each(Object.keys(rules))('%s', (name) => {
    expect(rules[name]!(openApi)).toEqual([]);
    expect(rules[name]!(asyncApi)).toEqual([]);
  });

  test.each(Object.keys(operationRules))('%s', (name) => {
    expect(operationRules[name]!(openApi)).toEqual([]);
  });

  test('list every code with its status, reason and details', () => {
    const table = Object.entries<Json>(openApi['x-error-codes']);
    expect(table.map(([code]) => code).sort()).toEqual([...rejectionCodes, 'PROXY_FAILED'].sort());
    for (const [code, { status, description, details }] of table) {
      expect([code, status >= 400, description.length > 10]).toEqual([code, true, true]);
      if (details) expect(Object.keys(openApi.components.schemas)).toContain(details.$ref.split('/').at(-1));
    }
  });

  test('have one schema for each type of event', () => {
    const { oneOf, discriminator } = openApi.components.schemas.Event;
    expect(Object.values(discriminator.mapping).sort()).toEqual(oneOf.map(({ $ref }: Json) => $ref).sort());
    expect(asyncApi.components.schemas.Event).toMatchObject({ oneOf, discriminator: 'type' });
  });

  test('require a body only where an empty one is refused', async () => {
    const { matches } = schemaTools(openApi);
    for (const { name, operation } of operationsOf(openApi)) {
      const schema = operation.requestBody?.content['application/json']?.schema;
      if (schema && !operation.requestBody.required) expect([name, matches(schema, {})]).toEqual([name, true]);
    }
  });

  test('state the address of the service', () => {
    const about = { version: '1.0.0', publicUrl: 'https://tasks.example:8443/tt/' };
    expect(openApi.servers).toEqual([{ url: '/' }]);
    expect(openApiDocument([], about).servers).toEqual([{ url: 'https://tasks.example:8443/tt' }]);
    const { servers } = asyncApiDocument(about) as Json;
    expect(servers.api).toMatchObject({ host: 'tasks.example:8443', pathname: '/tt/api/v1', protocol: 'https' });
  });
});

describe('requests drawn from the document', () => {
  test('are never refused for their form where it allows them, and get what it says', async () => {
    const tools = schemaTools(openApi);
    const wrong = await ofEach(async (operation, send) => {
      const found: string[] = [];
      for (const drawn of fc.sample(tools.requestsOf(operation), { numRuns: runsOf(operation), seed: SEED })) {
        const received = await send(drawn);
        const fault = refusedForm(operation, received) ?? unlike(operation, received);
        if (fault)
          found.push(
            `${operation.name}: ${fault} for ${received.target} ${JSON.stringify(drawn.header)} ${JSON.stringify(drawn.body)?.slice(0, 300)}`,
          );
      }
      return found;
    });
    expect(wrong).toEqual([]);

    function unlike({ operation }: Operation, { status, headers, text }: Received): string | undefined {
      const response = operation.responses[status] ?? operation.responses.default;
      const schema = response.content?.['application/json']?.schema;
      if (!headers['content-type']?.startsWith('application/json') || text === '') return undefined;
      if (!schema || !tools.matches(schema, JSON.parse(text))) return `${status} is not as documented: ${text.slice(0, 300)}`;
      if (status < 400 || !JSON.parse(text).error) return undefined;
      const { code, details } = JSON.parse(text).error;
      if (!response['x-codes'].includes(code)) return `${status} ${code} is not documented`;
      const form = openApi['x-error-codes'][code].details;
      return details.every((detail: Json) => form && tools.matches(form, detail)) ? undefined : `details of ${code}: ${text.slice(0, 300)}`;
    }
  }, 120_000);

  test('are always refused where it does not allow them', async () => {
    const tools = schemaTools(openApi);
    let sent = 0;
    const taken = await ofEach(async (operation, send) => {
      const mutations = mutationsOf(openApi, operation, tools).filter(
        ({ where }) => !takenThoughInvalid.some((known) => known.operation.test(operation.path) && known.where.test(where)),
      );
      const valid = fc.sample(tools.requestsOf(operation), { numRuns: mutations.length || 1, seed: SEED + 1 });
      const found: string[] = [];
      for (const [index, mutation] of mutations.entries()) {
        const received = await send(mutation.apply(valid[index]!));
        sent++;
        if (received.status !== 422) found.push(`${operation.name}: ${received.status} where ${mutation.where}, for ${received.target}`);
      }
      return found;
    });
    expect(taken).toEqual([]);
    expect(sent).toBeGreaterThan(1000);
  }, 120_000);
});

/** Hashing passwords takes its time. */
function runsOf({ operation }: Operation): number {
  const isSlow = /"password|_password|RegisterInput|NewUser|Login/.test(JSON.stringify(operation.requestBody?.content ?? ''));
  return isSlow ? Math.ceil(RUNS / 3) : RUNS;
}

function refusedForm({ name }: Operation, { status, text }: Received): string | undefined {
  if (status !== 422) return undefined;
  const { code, details } = JSON.parse(text).error;
  if (code !== 'VALIDATION_FAILED') return undefined;
  const unknown = details.filter(
    ({ path, code: what }: Json) =>
      !refusedThoughValid.some(
        ({ operation, path: known, codes = COMBINATIONS }) => operation.test(name) && known.test(path) && codes.test(what),
      ),
  );
  return unknown.length === 0 ? undefined : `422 ${JSON.stringify(unknown).slice(0, 300)}`;
}

type Send = (drawn: Drawn) => Promise<Received>;

/** Tries every operation, some at a time. @returns what was wrong, of all of them */
async function ofEach(attempt: (operation: Operation, send: Send) => Promise<string[]>): Promise<string[]> {
  const port = Number(new URL(service.url).port);
  const left = operationsOf(openApi);
  const found: string[] = [];
  const work = async () => {
    for (let operation = left.pop(); operation; operation = left.pop()) {
      const client = /logout$/.test(operation.path) ? null : admin;
      const own = operation;
      const send: Send = async (drawn) =>
        sendDrawn(port, own, drawn, (client ?? (await service.someone(`leaver${left.length}x${found.length}x${++leavers}`))).token);
      found.push(...(await attempt(own, send)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found.sort();
}

let leavers = 0;
