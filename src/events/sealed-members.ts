type Json = Record<string, unknown>;

/** Paths by their first key: true for a member to take, or the paths within it. */
interface Within extends Map<string, true | Within> {}

const trees = new WeakMap<readonly string[], Within>();

/** Parts the members at these dotted paths from the others, as far as there is something in them. What is given stays whole. */
export function take(data: Json, paths: readonly string[]): { rest: Json; sealed: Json } {
  const sealed: Json = {};
  return { rest: without(data, treeOf(paths), '', sealed), sealed };
}

/** Puts a member back. */
export function put(data: Json, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let inner = data;
  for (const key of keys) {
    inner[key] ??= {};
    inner = inner[key] as Json;
  }
  inner[last] = value;
}

// Made anew from what stays: an object that members were deleted from is slow from then on.
function without(data: Json, within: Within, prefix: string, sealed: Json): Json {
  const rest: Json = {};
  for (const key of Object.keys(data)) {
    const value = data[key];
    const wanted = within.get(key);
    if (wanted === undefined || value === undefined || value === null) rest[key] = value;
    else if (wanted === true) sealed[prefix + key] = value;
    else rest[key] = without(value as Json, wanted, `${prefix}${key}.`, sealed);
  }
  return rest;
}

/** Worked out once for each list of paths there is. */
function treeOf(paths: readonly string[]): Within {
  const known = trees.get(paths);
  if (known) return known;
  const tree: Within = new Map();
  for (const path of paths) {
    const keys = path.split('.');
    const last = keys.pop()!;
    let inner = tree;
    for (const key of keys) {
      const next = inner.get(key);
      const deeper: Within = next === undefined || next === true ? new Map() : next;
      inner.set(key, deeper);
      inner = deeper;
    }
    inner.set(last, true);
  }
  trees.set(paths, tree);
  return tree;
}
