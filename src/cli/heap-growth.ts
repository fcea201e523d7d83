import { setFlagsFromString } from 'node:v8';

/** How much garbage the old space may hold before a full collection, in percent of what is alive. */
const garbagePercent = 100;

/**
 * Makes V8 collect its old space when it has doubled, not when it has quadrupled. Every closed HTTP/2 stream gets
 * there: node:http2 keeps the streams of a connection in a Map, whose old tables hold the younger ones and their
 * streams until a full collection (docs/decisions/0006-the-cached-path.md). With V8's own limit they took 200 MB, and
 * as much again outside of the heap, which fragments it for good. V8 reads the flag at each collection.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${garbagePercent}`);
}
