import { z } from 'zod';

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

/** Clients are to bear with keys they do not know: of answers none is said to be all. A format says more than the pattern made from it. */
function tidy(io: Direction): (context: { jsonSchema: z.core.JSONSchema.BaseSchema }) => void {
  return ({ jsonSchema }) => {
    if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    if (jsonSchema.format === 'date' || jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  };
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === '$ref' ? (names.get(inner as string) ?? inner) : renamed(inner, names)]),
  );
}
