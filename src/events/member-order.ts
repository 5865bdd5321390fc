import { z } from 'zod';
import { allEventTypes, type EventTypeName } from './upcasters.ts';

type Json = Record<string, unknown>;

/** The members of an object in the order of its schema, each with that of its own members where it is an object. */
type MemberOrder = ReadonlyMap<string, MemberOrder | null>;

const orders = new Map<string, MemberOrder | null>();

/**
 * The data of an event with its members in the order of their schema. Sealed members come last out of their box, and commands and
 * upcasters make objects in orders of their own: without one order, a rebuild would list the changed fields otherwise than the first run.
 */
export function inSchemaOrder(type: EventTypeName, data: object): Json {
  let order = orders.get(type);
  if (order === undefined) {
    order = orderOf(allEventTypes[type].data);
    orders.set(type, order);
  }
  return order === null ? (data as Json) : arranged(data as Json, order);
}

function orderOf(schema: unknown): MemberOrder | null {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return orderOf(schema.unwrap());
  if (!(schema instanceof z.ZodObject)) return null;
  return new Map(Object.entries(schema.shape).map(([key, member]) => [key, orderOf(member)]));
}

function arranged(data: Json, order: MemberOrder): Json {
  const result: Json = {};
  for (const [key, inner] of order) {
    if (!(key in data)) continue;
    const value = data[key];
    result[key] = inner !== null && typeof value === 'object' && value !== null ? arranged(value as Json, inner) : value;
  }
  // What a later release of the same version may have added stays, behind the rest.
  for (const key in data) if (!order.has(key)) result[key] = data[key];
  return result;
}
