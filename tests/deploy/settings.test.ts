import { describe, expect, test } from '@jest/globals';
import { defaults, loadConfig, variables } from '../../src/config.ts';
import { examples, read } from './files.ts';

/** The rows of the README's table of variables. */
function configurationRows(): string[] {
  const table = /## Configuration\n[\s\S]*?\n(\|[\s\S]*?)\n\n/.exec(read('README.md'))![1]!;
  return table.split('\n').slice(2);
}

/** A default as it is written in that table: in code, or a number, or a flag. Anything else says what there is instead of one. */
function asDefault(written: string): string {
  const code = /^`([^`]*)`$/.exec(written);
  if (code) return code[1]!.replace(/, /g, ',');
  return /^(?:[\d.]+|true|false)$/.test(written) ? written : '';
}

describe('.env.example and the README', () => {
  test('name the variables that the service reads, each once, and no others', () => {
    const named = [...examples.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name!);
    expect(named.toSorted()).toEqual(variables.toSorted());
    const inTable = configurationRows().flatMap((row) => [...row.split('|')[1]!.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map(([, name]) => name!));
    expect(inTable.toSorted()).toEqual(variables.toSorted());
  });

  test('give the defaults that the service has', () => {
    const given = [...examples.matchAll(/^#([A-Z][A-Z0-9_]*)=(.+)$/gm)].map(([, name, value]) => [name!, value!]);
    expect(given.length).toBeGreaterThan(20);
    expect(loadConfig(Object.fromEntries(given))).toEqual(loadConfig({}));
    expect({ ...Object.fromEntries(variables.map((name) => [name, ''])), ...Object.fromEntries(given) }).toEqual(defaults());
  });

  test('the README gives them too, in the order of the names, and has words only where there is none', () => {
    const written = configurationRows().flatMap((row) => {
      const [, first, second] = row.split('|') as [string, string, string];
      const names = [...first.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map(([, name]) => name!);
      const values = second.match(/(?:`[^`]*`|[^,`])+/g)!.map((value) => value.trim());
      expect([row, [1, names.length]]).toEqual([row, expect.arrayContaining([values.length])]);
      return names.map((name, n) => [name, asDefault(values[n] ?? values[0]!)]);
    });
    expect(Object.fromEntries(written)).toEqual(defaults());
  });
});
