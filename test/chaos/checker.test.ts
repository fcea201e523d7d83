// The checker finds what the safeguards are for: each is taken out once. With all of them it finds nothing under the same fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFaultyLink } from '../support/link/faulty-link.ts';
import { ownPrefix, type RedisPlace, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { openBare, type Safeguards, withoutDoubt, withoutGeneration, withoutVersionCheck } from './bare.ts';
import { type Findings, type Load, startLoad } from './load.ts';

type On = { readonly server: RedisServer; readonly load: Load; readonly cutOther: () => Promise<void> };

const items = Array.from({ length: 12 }, (_, i) => String(i));

async function under(fault: (on: On) => Promise<void>, without?: (whole: Safeguards) => Partial<Safeguards>, seed = 1): Promise<Findings> {
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

/** Real servers repeat no history, so what has to be found is looked for several times. */
async function found(...[fault, without]: Parameters<typeof under>): Promise<void> {
  for (let seed = 1; seed <= 6; seed++) if ((await under(fault, without, seed)).staleAsFresh.length > 0) return;
  assert.fail('It was not found.');
}

/** What was invalidated meanwhile is forgotten, and older answers are back. */
const rewind = async ({ server, load }: On) => {
  await server.command('SAVE');
  await load.goesOn(400);
  await load.quieten(); // what is written while it is away would be told afterwards, and hide what was lost
  await server.restart({ saved: true });
};

test('a Redis that comes back with what it had a while ago: found without the generation in the key, and nothing is found with it', async () => {
  await found(rewind, withoutGeneration);
  assert.deepEqual((await under(rewind)).staleAsFresh, []);
});

test('a replica that does not ask for versions is found without any fault', async () => {
  await found(async () => {}, withoutVersionCheck);
});

test('one replica that is cut off: found where it trusts what it remembers, and nothing is found where it doubts', async () => {
  await found(({ cutOther }) => cutOther(), withoutDoubt);
  assert.deepEqual((await under(({ cutOther }) => cutOther())).staleAsFresh, []);
});
