import { listing } from '../../src/projections/listing/listing.ts';

// The release after this one, as far as a rolling deploy can tell: the same service, whose listing is of another version and another shape.
listing.version += 1;
listing.tables += 'create table made_by_the_next_release ();';

await import('../../src/main.ts');
