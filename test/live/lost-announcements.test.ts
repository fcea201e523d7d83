// Streams of one device at two replicas, of which one did not receive that the other has a newer one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { signIn } from '../support/client/protocols.ts';
import { openLossyRedisLink } from '../support/link/lossy-redis-link.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { chatCalls } from '../support/server/chat-server.ts';
import { liveCalls, liveRegistry } from '../support/server/live-server.ts';
import { openTestServer } from '../support/server/test-server.ts';
import { shiftedClock } from '../support/time/shifted-clock.ts';
import { until } from '../support/time/until.ts';

/** Streams that began within less may be as old. Milliseconds. */
const apartMs = 11_000;
/** The first repetition of an announcement comes within it. Milliseconds. */
const repeatedMs = 30_000;

test('the older stream is closed although no other one of the device begins, and the newer one stays: live and chat', async () => {
  await using redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  await using link = await openLossyRedisLink(redis.port);
  const place = { mode: 'single' as const, nodes: [redis.address], prefix: ownPrefix() };
  const scripted = await openScriptedUpstream();
  using _ = { [Symbol.dispose]: scripted.close };
  const clock = shiftedClock();
  const common = { app: openFixture().app, samples: { scripted: scripted.address }, clock };
  await using a = await openTestServer({ ...common, redis: place });
  await using b = await openTestServer({ ...common, shared: a, redis: { ...place, nodes: [link.address] } });
  const { headers } = await signIn(a, liveRegistry, 'alice');
  const older = [await liveCalls(b).live('alice', {}, { headers }), await chatCalls(b).connect('alice', {}, { headers })] as const;
  await Promise.all([older[0].wait('welcome'), older[1].wait('caughtUp')]);
  clock.shift(apartMs);
  const lost = async <Client>(channel: string, connect: () => Promise<Client>) => {
    const before = link.lost();
    link.lose(channel);
    const client = await connect();
    await until('the announcement is lost', () => link.lost() > before);
    return client;
  };
  const newer = [
    await lost('}.live', () => liveCalls(a).live('alice', {}, { headers })),
    await lost('}.chat', () => chatCalls(a).connect('alice', {}, { headers })),
  ] as const;
  link.lose(undefined);
  clock.shift(repeatedMs);
  const closed = await Promise.all([older[0].wait('closed'), older[1].wait('closed')]);
  assert.deepEqual(
    closed.map(({ reason }) => reason),
    ['STREAM_DISPLACED', 'STREAM_DISPLACED'],
  );
  assert.deepEqual([...newer[0].all('closed'), ...newer[1].all('closed')], []);
});
