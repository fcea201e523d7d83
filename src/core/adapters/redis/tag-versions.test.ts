import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../../test/support/time/until.ts';
import { partitionOf, partitionTags } from '../../kit/partitions.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisTagVersions } from './tag-versions.ts';

/** A version for each tag, the floor, and the replication id. */
const replyTo = (keys: readonly string[]) => [...keys.map((key) => Buffer.from(key.includes('v:') ? '7 7 0' : '5')), Buffer.from('id')];
const knows: Redis['knows'] = (replicationId) => replicationId === 'id';

/** A Cluster of which one partition's node never answers. */
function clusterWithout(partition: number) {
  const asked: (readonly string[])[] = [];
  const run: Redis['run'] = (_script, keys) => {
    asked.push(keys);
    if (keys.some((key) => key.includes(`{${partitionTags[partition]}}`))) return new Promise(() => {});
    return Promise.resolve(replyTo(keys));
  };
  return { asked, redis: { mode: 'cluster', prefix: 'p:', run, knows } as Partial<Redis> as Redis };
}

const tags = Array.from({ length: 200 }, (_, i) => `item:${i}`);

test('in a Cluster a node that hangs makes only those wait who need its tags, and each partition is read once in a turn', async () => {
  const partition = partitionOf('item:0');
  const { asked, redis } = clusterWithout(partition);
  const versions = redisTagVersions({ redis });
  const elsewhere = tags.filter((tag) => partitionOf(tag) !== partition);
  void versions.standing(['item:0'], [7]);
  void versions.standing(['item:0', elsewhere[0] ?? ''], [7, 7]);
  const standings = await Promise.all(elsewhere.map((tag) => versions.standing([tag], [7])));
  assert.ok(standings.every((standing) => standing === 'current'));
  const partitions = new Set([...elsewhere, 'item:0'].map(partitionOf));
  assert.equal(asked.length, partitions.size);
  assert.equal(new Set(asked.flat()).size, asked.flat().length, 'each key once');
});

test('an entry that is asked about often within a turn is read once, and read anew for who asks while the reply is awaited', async () => {
  const asked: (readonly string[])[] = [];
  const replies: (() => void)[] = [];
  const run: Redis['run'] = (_script, keys) => {
    asked.push(keys);
    return new Promise((resolve) => replies.push(() => resolve(replyTo(keys))));
  };
  const versions = redisTagVersions({ redis: { mode: 'single', prefix: 'p:', run, knows } as Partial<Redis> as Redis });
  const [tags, snapshot] = [
    ['item:1', 'item:2'],
    [7, 7],
  ];
  const standings = [versions.standing(tags, snapshot), versions.standing(tags, snapshot), versions.standing(['item:2'], [7])];
  assert.equal(asked.length, 0, 'sent at the end of the turn');
  await until('the read of the turn', () => asked.length === 1);
  assert.equal(asked[0]?.length, 3, 'two tags and the floor');
  standings.push(versions.standing(tags, snapshot));
  await until('a second read', () => asked.length === 2);
  for (const reply of replies) reply();
  assert.deepEqual(await Promise.all(standings), ['current', 'current', 'current', 'current']);
});
