import { type Json, type Operation, parametersOf } from './rules.ts';
import { type Drawn, excludedBy, isSendable, type SchemaTools } from './valid-requests.ts';

/** One way in which a request can break the document. */
export interface Mutation {
  /** Which part of the request it breaks, and how. */
  where: string;
  apply(request: Drawn): Drawn;
}

/** Every way that follows from the schemas of an operation. */
export function mutationsOf(document: Json, { operation }: Operation, tools: SchemaTools): Mutation[] {
  const parameters = parametersOf(document, operation);
  const ofParameters = parameters.flatMap((parameter: Json): Mutation[] => {
    const { name, in: place, schema, required } = parameter;
    if (place === 'path') return [];
    const set = (value: unknown, how: string): Mutation => ({
      where: `${place} ${name} ${how}`,
      apply: (request) => ({ ...request, [place]: { ...without(request[place as 'query'], excludedBy(parameter)), [name]: value } }),
    });
    const drop: Mutation = {
      where: `${place} ${name} is missing`,
      apply: (request) => ({ ...request, [place]: without(request[place as 'query'], [name]) }),
    };
    const values = wrongTexts(schema, tools).filter((value) => place !== 'header' || (value !== '' && isSendable(value)));
    return [
      ...values.map((value) => set(value, `is ${JSON.stringify(value).slice(0, 60)}`)),
      ...(required ? [drop] : []),
      ...conflictsOf(parameter, parameters),
    ];
  });
  const unknown: Mutation = {
    where: 'query no_such_parameter',
    apply: (request) => ({ ...request, query: { ...request.query, no_such_parameter: '1' } }),
  };
  const schema = operation.requestBody?.content['application/json']?.schema;
  const ofBody =
    schema === undefined
      ? []
      : wrongValues(schema, tools).map(
          ({ value, how }): Mutation => ({
            where: `body ${how}`,
            apply: (request) => ({ ...request, body: typeof value === 'function' ? value(request.body ?? {}) : value }),
          }),
        );
  return [...ofParameters, unknown, ...ofBody];
}

function without(members: Record<string, unknown>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}

/** Both of two parameters that exclude each other, each with a value that is valid alone. */
function conflictsOf(parameter: Json, parameters: readonly Json[]): Mutation[] {
  const alone: Record<string, unknown> = {
    page: 1,
    skip: 0,
    cursor: 'a',
    per_page: 5,
    limit: 5,
    as_of: '2020-01-01',
    as_of_position: '0',
    revision: 0,
  };
  return excludedBy(parameter)
    .filter((other) => parameter.name in alone && other in alone && parameters.some(({ name }) => name === other))
    .map((other) => ({
      where: `query ${parameter.name} with ${other}`,
      apply: (request) => ({ ...request, query: { ...request.query, [parameter.name]: alone[parameter.name], [other]: alone[other] } }),
    }));
}

const noText = ['no-such value', '~', '', '0000-01-01', '2026-02-30', '\u00e9', 'a,b/c', '{}', '-', '\u0007', '.', '..'];

/** Texts that a parameter cannot be. */
function wrongTexts(given: Json, tools: SchemaTools): string[] {
  const schema = tools.resolve(given);
  if (schema.enum) return ['no-such-value'];
  switch (schema.type) {
    case 'boolean':
      return ['yes', '1', 'TRUE', ''];
    case 'integer':
    case 'number':
      return ['x', '', ...(schema.type === 'integer' ? ['1.5'] : []), ...outside(schema).map(String)];
    case 'array':
      return [
        ...wrongTexts(schema.items, tools)
          .filter((text) => !text.includes(','))
          .slice(0, 3),
        ...(schema.maxItems ? [many(schema.maxItems).join(',')] : []),
      ];
    default:
      return wrongStrings(schema, tools);
  }
}

function wrongStrings(schema: Json, tools: SchemaTools): string[] {
  const long = schema.maxLength === undefined ? [] : ['x'.repeat(schema.maxLength + 1)];
  // White space around text is not part of it, so that it is never what is wrong.
  const short = schema.minLength > 0 ? [''] : [];
  const isFormed = schema.pattern !== undefined || schema.format !== undefined || schema.anyOf !== undefined || schema.not !== undefined;
  const malformed = isFormed ? noText.filter((text) => !tools.matches(schema, text)).slice(0, 4) : [];
  return [...new Set([...long, ...short, ...malformed])].filter((text) => !tools.matches(schema, text));
}

function outside({ minimum, maximum }: Json): number[] {
  return [
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? [] : [maximum + 1]),
  ];
}

function many(most: number): string[] {
  return Array.from({ length: most + 1 }, (_, index) => `t${index}`);
}

type Wrong = { value: unknown; how: string };

/** Values that a body, or a part of one, cannot be; functions make one from a valid value. */
function wrongValues(given: Json, tools: SchemaTools, isTop = true): Wrong[] {
  const schema = tools.resolve(given);
  const mayBeNull = [schema.type].flat().includes('null');
  const typed = wrongTypes([schema.type].flat()[0]).filter((value) => !(mayBeNull && value === null));
  const types: Wrong[] = typed.map((value) => ({ value, how: Array.isArray(value) ? 'is a list' : `is ${JSON.stringify(value)}` }));
  return [...types, ...wrongWithin(schema, tools, isTop)];
}

function wrongTypes(type: string): unknown[] {
  const values: Record<string, unknown> = { string: 'text', number: 1.5, boolean: true, array: ['a'], object: {}, null: null };
  const same = type === 'integer' ? [] : [type];
  return Object.entries(values).flatMap(([name, value]) => (same.includes(name) ? [] : [value]));
}

function wrongWithin(schema: Json, tools: SchemaTools, isTop: boolean): Wrong[] {
  const type = [schema.type].flat()[0];
  if (schema.enum || schema.const !== undefined) return type === 'string' ? [{ value: 'no-such-value', how: 'is no such value' }] : [];
  if (type === 'string') return wrongStrings(schema, tools).map((value) => ({ value, how: `is ${JSON.stringify(value).slice(0, 60)}` }));
  if (type === 'integer' || type === 'number') return outside(schema).map((value) => ({ value, how: `is ${value}` }));
  if (type === 'array') {
    const items = wrongValues(schema.items, tools, false)
      .filter(({ value }) => typeof value !== 'function')
      .slice(0, 6);
    const tooMany = schema.maxItems === undefined ? [] : [{ value: many(schema.maxItems), how: 'has too many items' }];
    return [
      ...items.map(({ value, how }) => ({ value: [value], how: `has an item that ${how}` })),
      ...tooMany,
      ...(schema.minItems > 0 ? [{ value: [], how: 'is empty' }] : []),
    ];
  }
  if (type !== 'object') return [];
  const { properties = {}, required = [], not } = schema;
  const change = (edit: (body: Record<string, unknown>) => Record<string, unknown>, how: string): Wrong => ({ value: edit, how });
  const members = isTop
    ? Object.entries<Json>(properties).flatMap(([name, inner]) =>
        wrongValues(inner, tools, false)
          .filter(({ value }) => typeof value !== 'function')
          .map(({ value, how }) => change((body) => ({ ...body, [name]: value }), `${name} ${how}`)),
      )
    : [];
  const pairs: string[][] = (not?.anyOf ?? [not]).flatMap((form: Json) => (form?.required ? [form.required] : []));
  return [
    ...members,
    change((body) => ({ ...body, no_such_key: 1 }), 'has a key that is unknown'),
    ...required.map((name: string) => change((body) => without(body, [name]), `has no ${name}`)),
    ...pairs.map(([one, other]) =>
      change(
        (body) => ({ ...body, [one!]: body[one!] ?? valueFor(one!), [other!]: body[other!] ?? valueFor(other!) }),
        `has ${one} and ${other}`,
      ),
    ),
  ];
}

/** A value that is valid where it stands alone. */
function valueFor(key: string): unknown {
  const values: Record<string, unknown> = {
    completed: true,
    all: true,
    status: 'todo',
    ids: ['00000000-0000-7000-8000-000000000000'],
    email: 'a@drawn.test',
  };
  return values[key] ?? (key.endsWith('_id') && key !== 'request_id' ? '00000000-0000-7000-8000-000000000000' : 'abc');
}
