import { Watch } from '../../../../src/events/store/eventstoredb/watch.ts';

// A process of its own, to be frozen: tells after how many milliseconds a silence of half a second was noticed.

const begun = performance.now();
new Watch().begin(500, () => process.stdout.write(String(performance.now() - begun)));
process.stdout.write('watching\n');
