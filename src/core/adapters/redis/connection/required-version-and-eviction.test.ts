import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RedisPlace } from './redis-address.ts';
import { parseInfo } from './redis-info.ts';
import { misfitsOf } from './required-version-and-eviction.ts';

const good = { redis_version: '7.0.15', redis_mode: 'standalone', role: 'master', run_id: 'r', master_replid: 'm', maxmemory_policy: 'noeviction' };
const lines = (mode: RedisPlace['mode'], said: Partial<typeof good>) => {
  const text = Object.entries({ ...good, ...said }).map(([name, value]) => `${name}:${value}`);
  return misfitsOf({ mode }, [{ name: 'r:6379', info: () => parseInfo(['# Server', ...text].join('\r\n')) }]);
};

test('a Redis that fits has nothing to be said against it', () => {
  assert.deepEqual(lines('single', {}), []);
  assert.deepEqual(lines('sentinel', { maxmemory_policy: 'volatile-lru' }), []);
  assert.deepEqual(lines('cluster', { redis_mode: 'cluster', redis_version: '8.2.0' }), []);
  assert.deepEqual(misfitsOf({ mode: 'single' }, [{ name: 'r:6379', info: () => undefined }]), [], 'nothing is known yet');
});

test('everything that does not fit is said, each with what helps', () => {
  assert.deepEqual(lines('single', { redis_version: '6.2.7', redis_mode: 'cluster', maxmemory_policy: 'allkeys-lru' }), [
    'r:6379 is version 6.2.7: 7.0 or newer is needed.',
    'r:6379 is a node of a Cluster, and redis.mode is single: set it to cluster.',
    'r:6379 evicts any key (maxmemory-policy allkeys-lru): set it to noeviction or volatile-ttl.',
  ]);
  assert.deepEqual(lines('cluster', {}), ['r:6379 is no node of a Cluster, and redis.mode is cluster: set it to single.']);
  assert.deepEqual(lines('single', { redis_mode: 'sentinel' }), [
    'r:6379 is a Sentinel, and redis.mode is single: set it to sentinel, and redis.masterName.',
  ]);
});
