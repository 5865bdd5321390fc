import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { weakenings } from './weakenings.ts';

/**
 * The service, in a build in which each of its defences can be taken away while it runs: those that are named in the file `without` of
 * its data directory are. Started instead of main.ts, by tests alone; instead of another program, where WEAKENED names one.
 */
const src = pathToFileURL(join(import.meta.dirname, '..', '..', 'src')).href;
const without = join(process.env.DATA_DIR!, 'without');

Object.assign(globalThis, { isWithout: (name: string) => readFileSync(without, 'utf8').split('\n').includes(name) });

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const edits = weakenings.filter(({ file }) => url === `${src}/${file}`);
    if (edits.length === 0) return loaded;
    let source = String(loaded.source);
    for (const { name, from, to } of edits) {
      if (source.split(from).length !== 2) throw new Error(`${name}: ${JSON.stringify(from)} is not once in ${url}`);
      source = source.replace(from, () => to.replaceAll('WITHOUT', `globalThis.isWithout(${JSON.stringify(name)})`));
    }
    return { ...loaded, source };
  },
});

await import(`${src}/${process.env.WEAKENED ?? 'main.ts'}`);
