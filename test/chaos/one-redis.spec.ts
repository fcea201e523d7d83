// One Redis that is killed, hangs, is out of memory, comes back empty or with what it had a while ago: each under load on two whole servers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bring } from './fault.ts';
import { type OneRedis, openOneRedis } from './one-redis-faults.ts';

let on: OneRedis;
let faults: OneRedis['faults'];
before(async () => {
  on = await openOneRedis(1);
  ({ faults } = on);
});
after(async () => {
  await on?.[Symbol.asyncDispose]();
});

test('killed, and started again empty after a while', { timeout: 180_000 }, async () => {
  const { stale = 0 } = await bring(faults.killed, on);
  assert.ok(stale > 0);
});

test('hung (SIGSTOP), and then going on as if nothing had been', { timeout: 180_000 }, async () => {
  const { stale = 0 } = await bring(faults.hung, on);
  assert.ok(stale > 0);
});

test('hanging again and again, for shorter and longer than a call or a command waits', { timeout: 180_000 }, async () => {
  await bring(faults.stuttering, on);
});

test('restarted empty while nobody looks', { timeout: 180_000 }, async () => {
  await bring(faults.emptied, on);
});

test('restarted with the versions and answers that it had a while ago', { timeout: 180_000 }, async () => {
  await bring(faults.rewound, on);
});

test('out of memory: what is cached is still served, nothing is stored, invalidations are done', { timeout: 180_000 }, async () => {
  await bring(faults.full, on);
});

test('filled by another user: invalidations are done all the same', { timeout: 180_000 }, async () => {
  await bring(faults.filled, on);
});

test('emptied by FLUSHALL under load', { timeout: 180_000 }, async () => {
  await bring(faults.flushed, on);
});

test('a demoted primary: what it has is not served as fresh', { timeout: 180_000 }, async () => {
  const { stale = 0 } = await bring(faults.demoted, on);
  assert.ok(stale > 0);
});

test('out of reach of one server alone: what the other invalidates is not served as fresh there', { timeout: 180_000 }, async () => {
  const { stale = 0, told = 0 } = await bring(faults.cutOff, on);
  assert.ok(stale > 0 && told > 10, `${stale} stale answers, ${told} invalidations`);
});

test('doing what one server asks, without its ever hearing of it', { timeout: 180_000 }, async () => {
  const { stale = 0, told = 0 } = await bring(faults.unheard, on);
  assert.ok(stale > 0 && told > 10, `${stale} stale answers, ${told} invalidations`);
});
