import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { drawn } from './exceptions.ts';
import { type Json, type Operation, parametersOf } from './rules.ts';

/** A request as its operation has it, before it becomes text. */
export interface Drawn {
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  header: Record<string, unknown>;
  /** Undefined for none. */
  body: Json;
}

/** Draws values from the schemas of a document, and knows whether they match. */
export function schemaTools(document: Json) {
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  ajv.addSchema(document, 'document');
  const compiled = new Map<string, (value: unknown) => boolean>();

  const resolve = (schema: Json): Json => (schema.$ref ? document.components.schemas[schema.$ref.split('/').at(-1)] : schema);
  const matches = (schema: Json, value: unknown): boolean => {
    const key = JSON.stringify(schema).replaceAll('"#/', '"document#/');
    const check = compiled.get(key) ?? (ajv.compile(JSON.parse(key)) as (value: unknown) => boolean);
    compiled.set(key, check);
    return check(value);
  };

  function valuesOf(given: Json, name = ''): fc.Arbitrary<unknown> {
    const schema = resolve(given);
    const named = drawn[name]?.values;
    const [type, orNull] = [schema.type].flat();
    const values = named?.filter((value) => matches(schema, value)) ?? ofType(schema, type);
    return orNull === 'null' ? fc.oneof({ weight: 4, arbitrary: values }, fc.constant(null)) : values;
  }

  function ofType(schema: Json, type: string | undefined): fc.Arbitrary<unknown> {
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum.filter((value: unknown) => value !== null));
    if (type === 'boolean') return fc.boolean();
    if (type === 'integer')
      return fc.integer({ min: Math.max(schema.minimum ?? 0, -(2 ** 31)), max: Math.min(schema.maximum ?? 9, 2 ** 31 - 1) });
    if (type === 'number') return fc.integer({ min: 1, max: schema.maximum ?? 9 });
    if (type === 'array') {
      const { minItems = 0, maxItems = 3 } = schema;
      return fc.uniqueArray(valuesOf(schema.items), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 2) });
    }
    if (type === 'object') return objects(schema);
    if (type === 'string') return textOf(schema).filter((text) => matches(schema, text));
    throw new Error(`No values are drawn from ${JSON.stringify(schema)}`);
  }

  function objects(schema: Json): fc.Arbitrary<unknown> {
    const { properties = {}, required = [], dependentRequired = {}, description = '' } = schema;
    const members = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner, name)]));
    const ways = oneOfThese(description);
    return fc
      .record(members, { requiredKeys: [...required, ...ways] })
      .chain((whole) =>
        ways.length === 0
          ? fc.constant(whole)
          : fc.constantFrom(...ways).map((way) =>
              without(
                whole,
                ways.filter((other) => other !== way),
              ),
            ),
      )
      .map((object) => withoutConflicts(object, schema))
      .filter((object) =>
        Object.entries<string[]>(dependentRequired).every(
          ([name, others]) => !(name in object) || others.every((other) => other in object),
        ),
      );
  }

  return { matches, resolve, valuesOf, requestsOf: (operation: Operation) => requestsOf(document, operation, valuesOf) };
}
export type SchemaTools = ReturnType<typeof schemaTools>;

type Members = Record<string, unknown>;

/** What the description says no schema could: exactly one of these keys. */
function oneOfThese(description: string): string[] {
  const list = /Exactly one of ((?:`\w+`(?:, | and )?)+)/.exec(description)?.[1] ?? '';
  return [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
}

function without(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}

/** Of two keys that exclude each other only the first is kept. */
function withoutConflicts(object: Members, { not }: Json): Members {
  const pairs: string[][] = (not?.anyOf ?? [not]).flatMap((form: Json) => (form?.required ? [form.required] : []));
  return pairs.reduce((rest, [one, other]) => (one! in rest && other! in rest ? without(rest, [other!]) : rest), object);
}

/** What a parameter excludes, as its description says. */
export function excludedBy({ description = '' }: Json): string[] {
  const list = /Not together with ((?:`\w+`(?:, | or )?)+)/.exec(description)?.[1] ?? '';
  return [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
}

function requestsOf(document: Json, { operation }: Operation, valuesOf: SchemaTools['valuesOf']): fc.Arbitrary<Drawn> {
  const parameters = parametersOf(document, operation);
  const part = (place: string) => {
    const own = parameters.filter((parameter: Json) => parameter.in === place);
    const valuesFor = ({ name, schema }: Json) => (place === 'header' ? valuesOf(schema, name).filter(isSendable) : valuesOf(schema, name));
    const members: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(own.map((one) => [one.name, valuesFor(one)]));
    return fc
      .record(members, { requiredKeys: own.filter(({ required }) => required).map(({ name }): string => name) })
      .map((drawnOnes) =>
        own.reduce((rest, parameter) => (parameter.name in rest ? without(rest, excludedBy(parameter)) : rest), drawnOnes as Members),
      );
  };
  const { required = false, content = {} } = operation.requestBody ?? {};
  const schema = content['application/json']?.schema;
  const body =
    schema === undefined ? fc.constant(undefined) : required ? valuesOf(schema) : fc.option(valuesOf(schema), { nil: undefined });
  return fc.record({ path: part('path'), query: part('query'), header: part('header'), body });
}

/** Whether a header can hold it. */
export function isSendable(value: unknown): boolean {
  return /^[\x20-\x7e\x80-\xff]*$/.test(String(value));
}

const letters = fc.constantFrom(...'abzAZ059 .-_#äßé漢🎉');
const digits = fc.constantFrom('0', '1', '00');

function textOf({ format, pattern, anyOf, minLength = 0, maxLength = 60 }: Json): fc.Arbitrary<string> {
  const kind = anyOf === undefined ? (format ?? pattern) : 'moment';
  if (kind === 'uuid') return fc.uuid().chain((id) => fc.constantFrom(id, id.toUpperCase()));
  if (kind === 'date') return dates;
  if (kind === 'date-time') return times;
  if (kind === 'moment') return fc.oneof(dates, times);
  if (kind === 'email') return fc.stringMatching(/^[a-z][a-z0-9]{2,20}$/).map((name) => `${name}@drawn.test`);
  if (kind === '^[0-9]+$') return digits;
  if (kind === '^[0-9]*$') return fc.constantFrom('', '0', '1');
  if (pattern !== undefined && !pattern.startsWith('^[^')) {
    return fc
      .stringMatching(new RegExp(pattern), { size: 'small' })
      .filter((text) => lengthOf(text) >= minLength && lengthOf(text) <= maxLength);
  }
  const short = fc.string({ unit: letters, minLength, maxLength: Math.min(maxLength, minLength + 12) });
  const text =
    maxLength <= 300
      ? fc.oneof(
          { weight: 5, arbitrary: short },
          fc.constantFrom('x', '漢', '🎉').map((unit) => unit.repeat(maxLength)),
        )
      : short;
  return minLength === 0 ? text : text.filter((drawnOne) => drawnOne.trim().length >= minLength && /[^\s.]/.test(drawnOne));
}

function lengthOf(text: string): number {
  return [...text].length;
}

const dates = fc
  .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const times = fc
  .tuple(
    fc.date({ min: new Date('1970-01-01'), max: new Date('2020-01-01'), noInvalidDate: true }),
    fc.constantFrom('Z', 'z', '+05:45', '-11:00'),
  )
  .map(([date, offset]) => date.toISOString().replace('Z', offset));
