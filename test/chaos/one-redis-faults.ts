import assert from 'node:assert/strict';
import { type FaultyLink, openFaultyLink } from '../support/link/faulty-link.ts';
import { openTrickyLink, type TrickyLink } from '../support/link/tricky-link.ts';
import { ownPrefix, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { type Fault, type Loaded, openLoaded, saidByBoth } from './fault.ts';

const pendingSaid = /\d+ invalidated tags are still to be sent to Redis/;

/** The other server's way to Redis. */
type Way = { readonly faulty: FaultyLink; readonly tricky: TrickyLink };

export type OneRedisFault =
  | 'killed'
  | 'emptied'
  | 'rewound'
  | 'hung'
  | 'stuttering'
  | 'full'
  | 'filled'
  | 'flushed'
  | 'demoted'
  | 'cutOff'
  | 'unheard';

export type OneRedis = Loaded & AsyncDisposable & { readonly faults: Readonly<Record<OneRedisFault, Fault>> };

/** One Redis, two servers on it under load, and all that may happen. */
export async function openOneRedis(seed: number): Promise<OneRedis> {
  await using opening = new AsyncDisposableStack();
  const redisServer = opening.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const faulty = await openFaultyLink(redisServer.address);
  opening.defer(faulty.close);
  const tricky = opening.use(await openTrickyLink(Number(faulty.address.split(':')[1]), 'portico')); // in the names of our connections
  const place = { mode: 'single' as const, nodes: [redisServer.address], prefix: ownPrefix() };
  const loaded = opening.use(await openLoaded(place, { items: ['1', '2', '3', '4', '5'], seed, ofOther: { ...place, nodes: [tricky.address] } }));
  const opened = opening.move();
  return { ...loaded, faults: faultsOf(redisServer, { faulty, tricky }, loaded), [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What happens to one Redis, and to the way of one server to it. */
function faultsOf(redisServer: RedisServer, way: Way, { pair, load }: Loaded): Readonly<Record<OneRedisFault, Fault>> {
  const bothSay = (text: RegExp) => saidByBoth(pair, text);
  const bothCount = async (series: RegExp, is: (value: number) => boolean) => {
    for (const value of await pair.metric(series)) assert.ok(is(value), `${series}: ${value}`);
  };
  /** Invalidations are refused, all of them, once those on their way are through. */
  const nothingIsTold = async () => {
    const { told = 0, refused = 0 } = load.counts();
    await until('invalidations are refused', () => (load.counts().refused ?? 0) > refused + 10);
    assert.equal(load.counts().told ?? 0, told);
  };
  /** None is refused, except where this machine was so busy that Redis answered too late. */
  const invalidationsAreDone = async () => {
    const late = async () => (await pair.metric(/^portico_store_failures_total\{.*portico_store_why="(timeout|gone)"/)).join();
    const [lateBefore, { told = 0, refused = 0 }] = [await late(), load.counts()];
    await until('invalidations are done all the same', () => (load.counts().told ?? 0) > told + 10);
    const refusedNow = load.counts().refused ?? 0;
    if ((await late()) === lateBefore) assert.equal(refusedNow, refused);
  };
  const isMissed = async () => {
    await bothSay(/^ok\nwithout Redis since .*: Redis 127\.0\.0\.1:\d+ is unavailable: /);
    await bothSay(pendingSaid);
    await bothCount(/^portico_store_up\b/, (up) => up === 0);
    await bothCount(/^portico_cache_invalidations_pending\b/, (pending) => pending > 0);
    await bothCount(/^portico_cache_store_failures_total\b/, (failures) => failures > 0);
    await nothingIsTold();
  };
  /** One server is well: what it invalidates must not be served as fresh by the other. */
  const onlyOtherMisses = async () => {
    await until('only the other server misses it', async () => {
      const [one, other] = await pair.readyz();
      return one === 'ok\n' && other?.includes('without Redis') === true;
    });
    const { told = 0 } = load.counts();
    await until('the one goes on invalidating', () => (load.counts().told ?? 0) > told + 10);
  };
  return {
    killed: { name: 'killed, and empty after a while', begin: redisServer.kill, during: isMissed, end: () => redisServer.restart() },
    emptied: { name: 'restarted empty', begin: () => redisServer.restart() },
    rewound: {
      name: 'restarted with what it had a while ago',
      begin: async () => {
        await redisServer.command('SAVE');
        await load.goesOn((load.counts().reads ?? 0) + 100); // invalidations, which it will have forgotten
        await redisServer.restart({ saved: true });
      },
    },
    hung: { name: 'hung', begin: redisServer.hang, during: isMissed, end: redisServer.continue },
    stuttering: {
      name: 'hanging for moments',
      begin: async () => {
        for (let i = 0; i < 6; i++) {
          redisServer.hang();
          await new Promise((later) => setTimeout(later, 60 * (i + 1)));
          redisServer.continue();
          await new Promise((later) => setTimeout(later, 100));
        }
      },
    },
    full: {
      name: 'out of memory',
      begin: async () => {
        for (const replica of pair.replicas) await until('both remember it', async () => (await replica.read('kept')).result === 'hit');
        await redisServer.command('CONFIG', 'SET', 'maxmemory', 1);
      },
      during: async () => {
        await bothCount(/^portico_store_up\b/, (up) => up === 1); // what can be read is read
        for (const replica of pair.replicas) await until('it is remembered all along', async () => (await replica.read('kept')).result === 'hit');
        await invalidationsAreDone();
        await bothCount(/^portico_store_failures_total\{.*portico_store_why="full"/, (failures) => failures > 0);
      },
      end: () => redisServer.command('CONFIG', 'SET', 'maxmemory', 0),
    },
    filled: {
      name: 'filled to the brim by another user',
      begin: async () => {
        const used = Number(/used_memory:(\d+)/.exec(String(await redisServer.command('INFO', 'memory')))?.[1]);
        await redisServer.command('CONFIG', 'SET', 'maxmemory', used + 8 * 1_048_576);
        const isFull = () =>
          redisServer.command('APPEND', 'other', 'x'.repeat(1_048_576)).then(
            () => false,
            () => true,
          );
        await until('another user has filled it', isFull);
      },
      during: async () => {
        await invalidationsAreDone();
      },
      end: async () => {
        await redisServer.command('CONFIG', 'SET', 'maxmemory', 0);
        await redisServer.command('DEL', 'other');
      },
    },
    flushed: {
      name: 'emptied by FLUSHALL, again and again',
      begin: async () => {
        for (let i = 0; i < 6; i++) {
          await redisServer.command('FLUSHALL');
          await load.goesOn(30);
        }
      },
    },
    demoted: {
      name: 'made a replica of one that does not answer',
      begin: () => redisServer.command('REPLICAOF', '127.0.0.1', 1),
      during: isMissed,
      end: () => redisServer.command('REPLICAOF', 'NO', 'ONE'),
    },
    cutOff: {
      name: 'out of reach of one server alone',
      begin: () => way.faulty.become('refused'),
      during: onlyOtherMisses,
      end: () => way.faulty.become('open'),
    },
    unheard: {
      name: 'done, but not answered to one server alone',
      begin: () => way.tricky.deafen(),
      during: onlyOtherMisses,
      end: () => way.tricky.heal(),
    },
  };
}
