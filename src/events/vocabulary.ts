/**
 * The number of the set of event types and schema versions that this release reads and writes. It grows by one with each release that
 * adds to the set: 1 is the first release's, 2 seals tags and says of an assignment whether it gives access.
 */
export const VOCABULARY = 2;
