import { z } from 'zod';
import { NO_YEAR_0 } from '../forms.ts';

export type JsonSchema = Record<string, unknown>;
type Direction = 'input' | 'output';

/** The schemas of the documents: those with an id are kept once, under it, and referred to. */
export interface Schemas {
  /** What an answer looks like. */
  output(schema: z.ZodType): JsonSchema;
  /** What a request must look like. */
  input(schema: z.ZodType): JsonSchema;
  /** Those with an id, by name. */
  named(): Record<string, JsonSchema>;
}

export function createSchemas(): Schemas {
  const named = new Map<string, JsonSchema>();
  const asMade = new Map<string, string>();

  /** The id, unless what is known under it looks otherwise: the same schema may take less than it gives. */
  function nameOf(id: string, definition: unknown, io: Direction): string {
    const text = JSON.stringify(definition);
    const name = (asMade.get(id) ?? text) === text ? id : id + (io === 'input' ? 'Input' : 'Output');
    asMade.set(name, text);
    return name;
  }

  function convert(schema: z.ZodType, io: Direction): JsonSchema {
    const { $schema: _, $defs = {}, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: tidy(io) });
    const definitions = Object.entries($defs).map(([id, definition]) => ({ id, definition, name: nameOf(id, definition, io) }));
    const names = new Map(definitions.map(({ id, name }) => [`#/$defs/${id}`, `#/components/schemas/${name}`]));
    for (const { name, definition } of definitions) named.set(name, renamed(definition, names) as JsonSchema);
    return renamed(own, names) as JsonSchema;
  }

  return {
    output: (schema) => convert(schema, 'output'),
    input: (schema) => convert(schema, 'input'),
    named: () => Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** What zod says of a schema, in the words that the documents use. It is called several times for one schema. */
function tidy(io: Direction): (context: { jsonSchema: z.core.JSONSchema.BaseSchema }) => void {
  return ({ jsonSchema }) => {
    for (const key of Object.keys(jsonSchema)) if (jsonSchema[key] === undefined) delete jsonSchema[key];
    if (io === 'output') openUp(jsonSchema);
    if (jsonSchema['x-extensible-enum']) delete jsonSchema.enum;
    tidyFormats(jsonSchema, io);
    tidyNullable(jsonSchema);
  };
}

/** Clients are to bear with keys that they do not know: no response is said to have none. What it leaves out has no default. */
function openUp(jsonSchema: z.core.JSONSchema.BaseSchema): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  delete jsonSchema.default;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}

const int32 = { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };

function tidyFormats(jsonSchema: z.core.JSONSchema.BaseSchema, io: Direction): void {
  const { type, format } = jsonSchema;
  // A format says more than the pattern that zod makes of it, but for the year 0.
  if (format === 'date' || format === 'date-time') {
    if (io === 'input') jsonSchema.pattern = NO_YEAR_0;
    else delete jsonSchema.pattern;
  }
  if (format === 'uuid') delete jsonSchema.pattern;
  if (type !== 'integer') return;
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = jsonSchema;
  jsonSchema.format = minimum >= int32.minimum && maximum <= int32.maximum ? 'int32' : 'int64';
}

/** `anyOf` remains where what may be null is referred to, or is itself one of several forms. */
function tidyNullable(jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const [form, none, ...others] = jsonSchema.anyOf ?? [];
  if (typeof form !== 'object' || typeof none !== 'object' || none.type !== 'null' || others.length > 0) return;
  if (typeof form.type !== 'string' || form.const !== undefined) return;
  delete jsonSchema.anyOf;
  const { enum: values, ...rest } = form;
  Object.assign(jsonSchema, { ...rest, ...jsonSchema, type: [form.type, 'null'], ...(values && { enum: [...values, null] }) });
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === '$ref' ? (names.get(inner as string) ?? inner) : renamed(inner, names)]),
  );
}
