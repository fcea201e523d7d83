import { type Limiter, openLimiter } from '../../kit/concurrency-limiter.ts';
import { StoreDown } from '../../kit/store-down.ts';

/** Reads what keys have; the values in their order, and one more that belongs to them all. */
export type ReadKeys = (keys: readonly string[]) => Promise<readonly (Buffer | null)[]>;

/** What is read together. */
export type Batch = {
  /** Adds a key, once. @returns the place of its value */
  place(key: string): number;
  /** The values by place, then the one that belongs to them all. */
  readonly values: Promise<readonly (Buffer | null)[]>;
};

/** A turn of the event loop. What is asked for in it is asked before its end, and read after it. */
export type Turn<T> = {
  /** Resolves when the input of the turn has been processed. */
  readonly end: Promise<void>;
  /** What was asked for in this turn. */
  readonly asked: T;
};

/** @returns the turn that now is */
export function turnsOfLoop<T>(empty: () => T): () => Turn<T> {
  let turn: Turn<T> | undefined;
  const begin = () => {
    const end = new Promise<void>((resolve) => {
      setImmediate(() => {
        turn = undefined;
        resolve();
      });
    });
    return { end, asked: empty() };
  };
  return () => {
    turn ??= begin();
    return turn;
  };
}

/**
 * One read for all requests within one turn of the event loop, each key once. It is sent at the turn's end, so every
 * value is read after its request.
 * @returns the batch of the turn that now is
 */
export function batchedReads(read: ReadKeys, turn: () => Pick<Turn<unknown>, 'end'>): () => Batch {
  let batch: Batch | undefined;
  const begin = (): Batch => {
    const places = new Map<string, number>();
    return {
      place: (key) => {
        const known = places.get(key);
        if (known !== undefined) return known;
        places.set(key, places.size);
        return places.size - 1;
      },
      values: turn().end.then(() => {
        batch = undefined;
        return read([...places.keys()]);
      }),
    };
  };
  return () => {
    batch ??= begin();
    return batch;
  };
}

/**
 * Reads on their way: Redis answers all that one connection has sent before it looks at another, on which the versions
 * are asked for.
 */
export const readsAtOnce = 16;
/** Pages on their way: a storm of returning clients waits here, and not in Redis, which others use. */
export const pagesAtOnce = 16;
/** Most reads that wait for their turn; over it Redis counts as too slow. */
const waitingMax = 1_000;

/** @returns runs at most `atOnce` reads at once; it throws StoreDown when too many wait */
export function limitReads(atOnce: number): Limiter {
  return openLimiter(atOnce, { waitingMax, tooMany: () => new StoreDown('timeout', `${waitingMax} reads wait for Redis already.`) });
}
