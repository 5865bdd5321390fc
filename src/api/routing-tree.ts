import { Rejection } from '../rejection.ts';

/** What stands at a path: whatever is served there, and the names of the parameters on the way. */
export interface Leaf<T> {
  value: T;
  parameters: readonly string[];
}

export interface Found<T> {
  value: T;
  params: Record<string, string>;
}

interface Branch<T> {
  statics: Map<string, Branch<T>>;
  parameter?: Branch<T>;
  leaf?: Leaf<T>;
}

const noParams = Object.freeze({});

/** Finds what stands at a path. A static segment wins over a parameter, in whatever order they were added. One slash at the end is ignored. */
export class RoutingTree<T> {
  readonly #root: Branch<T> = { statics: new Map() };
  /** Paths without parameters need no walk. */
  readonly #fixed = new Map<string, Found<T>>();

  /** @param path with parameters as `:name`; what is there already is handed to `merge`, so that methods can share a path */
  add(path: string, merge: (there: T | undefined) => T): void {
    const segments = segmentsOf(path);
    const parameters = segments.filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1));
    let branch = this.#root;
    for (const segment of segments) branch = segment.startsWith(':') ? parameterOf(branch) : staticOf(branch, segment);
    if (branch.leaf && branch.leaf.parameters.join() !== parameters.join())
      throw new Error(`${path} names its parameters otherwise elsewhere`);
    branch.leaf = { value: merge(branch.leaf?.value), parameters };
    if (parameters.length === 0) this.#fixed.set(path, { value: branch.leaf.value, params: noParams });
  }

  /** @throws MALFORMED_REQUEST when the path is not well encoded */
  find(path: string): Found<T> | undefined {
    const fixed = this.#fixed.get(path);
    if (fixed) return fixed;
    const segments = segmentsOf(path).map(path.includes('%') ? decoded : asItIs);
    const values: string[] = [];
    const leaf = walk(this.#root, segments, 0, values);
    if (!leaf) return undefined;
    const params: Record<string, string> = {};
    leaf.parameters.forEach((name, index) => {
      params[name] = values[index]!;
    });
    return { value: leaf.value, params };
  }
}

function walk<T>(branch: Branch<T>, segments: readonly string[], depth: number, values: string[]): Leaf<T> | undefined {
  if (depth === segments.length) return branch.leaf;
  const segment = segments[depth]!;
  const next = branch.statics.get(segment);
  const found = next && walk(next, segments, depth + 1, values);
  if (found || !branch.parameter || segment === '') return found;
  values.push(segment);
  const leaf = walk(branch.parameter, segments, depth + 1, values);
  if (!leaf) values.pop();
  return leaf;
}

function segmentsOf(path: string): string[] {
  const end = path.length > 1 && path.endsWith('/') ? -1 : undefined;
  return path === '//' ? ['', ''] : path.slice(1, end).split('/');
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Rejection('MALFORMED_REQUEST', 'The path is not well encoded');
  }
}

function asItIs(segment: string): string {
  return segment;
}

function staticOf<T>(branch: Branch<T>, segment: string): Branch<T> {
  let next = branch.statics.get(segment);
  if (!next) {
    next = { statics: new Map() };
    branch.statics.set(segment, next);
  }
  return next;
}

function parameterOf<T>(branch: Branch<T>): Branch<T> {
  branch.parameter ??= { statics: new Map() };
  return branch.parameter;
}
