// Two replicas that are a cache alone, on a real Redis with a fault.
import assert from 'node:assert/strict';
import { openFaultyLink } from '../support/link/faulty-link.ts';
import { ownPrefix, type RedisPlace, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { openBare, type Safeguards } from './bare.ts';
import { type Findings, type Load, startLoad } from './load.ts';

export type On = { readonly server: RedisServer; readonly load: Load; readonly cutOther: () => Promise<void> };

const items = Array.from({ length: 12 }, (_, i) => String(i));

/** A load on two replicas that are a cache alone, and a fault. */
export async function under(fault: (on: On) => Promise<void>, without?: (whole: Safeguards) => Partial<Safeguards>, seed = 1): Promise<Findings> {
  await using server = await startRedisServer();
  const link = await openFaultyLink(server.address);
  const place: RedisPlace = { mode: 'single', nodes: [server.address], prefix: ownPrefix() };
  using bare = await openBare([place, { ...place, nodes: [link.address] }], without);
  const load = startLoad({ ...bare, items, random: seeded(seed), writePauseMs: 300 });
  try {
    await load.goesOn(100);
    load.enter('fault');
    await fault({ server, load, cutOther: () => link.become('silent') });
    await load.goesOn(700);
  } finally {
    await load.stop(); // whatever comes of it: a load that nobody stops would keep the process for ever
    await link.close();
  }
  assert.deepEqual(load.failures, []);
  return load;
}

/** Whether something old is served as fresh under a fault, without a safeguard. */
export async function oldIsFoundUnder(...asked: Parameters<typeof under>): Promise<boolean> {
  return (await under(...asked)).staleAsFresh.length > 0;
}

/** What was invalidated meanwhile is forgotten, and older answers are back. */
export const rewind = async ({ server, load }: On) => {
  await server.command('SAVE');
  await load.goesOn(400);
  await load.quieten(); // what is written while it is away would be told afterwards, and hide what was lost
  await server.restart({ saved: true });
};

/** The other replica does not reach Redis, and is not told so. */
export const cutOff = ({ cutOther }: On) => cutOther();
