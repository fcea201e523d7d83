import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc16, partitionCount, partitionOf, partitionTags, slotCount, slotOf } from './partitions.ts';

test('slots are those of the Redis Cluster specification', () => {
  assert.equal(crc16('123456789'), 0x31c3);
  assert.equal(crc16('café😀'), 0x3472, 'its UTF-8 bytes');
  assert.equal(slotOf('foo'), 12_182);
  assert.equal(slotOf('{user1000}.following'), slotOf('user1000'));
  assert.equal(slotOf('foo{}{bar}'), crc16('foo{}{bar}') % slotCount);
  assert.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'));
  assert.equal(slotOf('foo{bar}{zap}'), slotOf('bar'));
});

test('each partition has a tag of at most three characters, whose slot lies in its part of the slots', () => {
  assert.equal(partitionTags.length, partitionCount);
  for (const [partition, tag] of partitionTags.entries()) {
    assert.match(tag, /^[0-9a-f]{1,3}$/);
    assert.equal(Math.floor(slotOf(`{${tag}}.x`) / (slotCount / partitionCount)), partition);
  }
});

test('clusters of 2 to 24 nodes have partitions as evenly as can be', () => {
  for (let nodes = 2; nodes <= 24; nodes++) {
    const counts = new Array<number>(nodes).fill(0);
    for (const tag of partitionTags) {
      const node = Math.floor((slotOf(tag) * nodes) / slotCount);
      counts[node] = (counts[node] ?? 0) + 1;
    }
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, `${nodes} nodes: ${counts}`);
  }
});

test('topics fall into all partitions about equally often', () => {
  const counts = new Array<number>(partitionCount).fill(0);
  for (let i = 0; i < 128_000; i++) {
    const partition = partitionOf(`order:${i}`);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  assert.ok(Math.max(...counts) < 1_300 && Math.min(...counts) > 700, `${Math.min(...counts)} to ${Math.max(...counts)}`);
});
