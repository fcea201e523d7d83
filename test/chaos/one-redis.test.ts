// One Redis that is killed, hangs, is out of memory, comes back empty or with what it had a while ago: each under load on two whole doors.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFaultyLink } from '../support/faulty-link.ts';
import { ownPrefix, type RedisServer, startRedisServer } from '../support/redis.ts';
import { seeded } from '../support/seeded.ts';
import { openTrickyLink } from '../support/tricky-link.ts';
import { bring, type Loaded } from './fault.ts';
import { startLoad } from './load.ts';
import { oneRedisFaults, type Way } from './one-redis-faults.ts';
import { openPair } from './pair.ts';

const items = ['1', '2', '3', '4', '5'];
let server: RedisServer;
let way: Way;
let loaded: Loaded;
let faults: ReturnType<typeof oneRedisFaults>;
before(async () => {
  server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  const faulty = await openFaultyLink(server.address);
  const tricky = await openTrickyLink(Number(faulty.address.split(':')[1]), 'portico'); // the names of our connections
  way = { faulty, tricky };
  const place = { mode: 'single' as const, nodes: [server.address], prefix: ownPrefix() };
  const pair = await openPair(place, { ...place, nodes: [tricky.address] });
  for (const item of items) pair.change(item, 0);
  loaded = { pair, load: startLoad({ ...pair, items, random: seeded(1) }) };
  faults = oneRedisFaults(server, way, loaded);
});
after(async () => {
  await loaded?.load.stop();
  await loaded?.pair[Symbol.asyncDispose]();
  await way?.tricky[Symbol.asyncDispose]();
  await way?.faulty.close();
  await server?.stop();
});

test('killed, and started again empty after a while', { timeout: 60_000 }, async () => {
  const { stale = 0 } = await bring(faults.killed, loaded);
  assert.ok(stale > 0);
});

test('hung (SIGSTOP), and then going on as if nothing had been', { timeout: 60_000 }, async () => {
  const { stale = 0 } = await bring(faults.hung, loaded);
  assert.ok(stale > 0);
});

test('hanging again and again, for shorter and longer than a call or a command waits', { timeout: 60_000 }, async () => {
  await bring(faults.stuttering, loaded);
});

test('restarted empty while nobody looks', { timeout: 60_000 }, async () => {
  await bring(faults.emptied, loaded);
});

test('restarted with the versions and answers that it had a while ago', { timeout: 60_000 }, async () => {
  await bring(faults.rewound, loaded);
});

test('out of memory: what is remembered is still served, nothing is stored, invalidations are refused or kept', { timeout: 60_000 }, async () => {
  await bring(faults.full, loaded);
});

test('out of reach of one door alone: what the other invalidates is not served as fresh there', { timeout: 60_000 }, async () => {
  const { stale = 0, told = 0 } = await bring(faults.cutOff, loaded);
  assert.ok(stale > 0 && told > 10, `${stale} stale answers, ${told} invalidations`);
});

test('doing what one door asks, without its ever hearing of it', { timeout: 60_000 }, async () => {
  const { stale = 0, told = 0 } = await bring(faults.unheard, loaded);
  assert.ok(stale > 0 && told > 10, `${stale} stale answers, ${told} invalidations`);
});
