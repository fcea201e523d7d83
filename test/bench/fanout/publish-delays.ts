// How long an event takes from its publisher at one replica to a client of another, beside a round trip through Redis alone.
import { randomBytes } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { LiveRequest, LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { openH2Client } from '../../support/client/h2-client.ts';
import { sharedRedis } from '../../support/redis/redis.ts';
import type { Harness } from '../harness.ts';
import { quantile } from '../interleave.ts';
import { payloadOf, topic } from './event.ts';
import { openPublisher } from './publisher.ts';

type Delays = { readonly p50Ms: number; readonly p99Ms: number };

export async function publishDelays(
  harness: Harness,
  settings: Readonly<Record<string, unknown>>,
  { times }: { readonly times: number },
): Promise<{ readonly publish: Delays; readonly redis: Delays }> {
  console.error('  delays');
  const redis = await sharedRedis();
  const [a, b] = [await harness.replica({ ...settings, redis }), await harness.replica({ ...settings, redis })];
  const publisher = openPublisher(a.internalPort, harness.ca, await a.serviceToken());
  let arrived = (_: LiveResponse['message']) => {};
  let arrivedAtMs = 0;
  let failed = (_: Error) => {};
  const next = () =>
    new Promise<LiveResponse['message']>((resolve, reject) => {
      arrived = resolve;
      failed = reject;
    });
  const subscribed = next();
  const request = (message: LiveRequest['message']) => LiveRequest.encode({ message }).finish();
  const hello = { subscriptions: [{ topic, generation: 1, position: undefined, presence: false }], watches: [], heartbeatMs: 600_000, device: '' };
  const client = openH2Client({
    port: b.port,
    ca: harness.ca,
    path: '/portico.v1.LiveService/Connect',
    token: await harness.token('alice'),
    first: request({ $case: 'hello', value: hello }),
    onEnd: (why) => failed(new Error(`The client was cut off: ${why}`)),
    onMessage: (bytes) => {
      const { message } = LiveResponse.decode(bytes);
      arrivedAtMs = performance.now();
      if (message?.$case === 'subscribed' || message?.$case === 'events') arrived(message);
    },
  });
  await subscribed;
  const { nodes, username, password } = redis;
  const [host, redisPort] = (nodes[0] ?? '').split(':');
  const connection = { host, port: Number(redisPort), username, password } as RedisOptions;
  const [pub, sub] = [new Redis(connection), new Redis(connection)];
  const channel = `bench-${randomBytes(6).toString('hex')}`;
  await sub.ssubscribe(channel);
  let came = () => {};
  sub.on('smessage', () => came());
  const seen = { publish: [] as number[], redis: [] as number[] };
  try {
    for (let n = 0; n < times; n++) {
      const message = next();
      let beganMs = performance.now();
      await Promise.all([publisher.publish([{ topic, payload: payloadOf(n), requestId: '', key: '' }]), message]);
      const got = await message;
      if (got?.$case !== 'events' || !payloadOf(n).equals(got.value.events[0]?.payload ?? Buffer.alloc(0))) throw new Error(`Event ${n} is wrong.`);
      seen.publish.push(arrivedAtMs - beganMs);
      if (n % 100 === 99) client.send(request({ $case: 'acknowledge', value: { count: BigInt(n + 1) } }));
      const back = new Promise<void>((resolve) => {
        came = resolve;
      });
      beganMs = performance.now();
      await pub.spublish(channel, payloadOf(n));
      await back;
      seen.redis.push(performance.now() - beganMs);
    }
  } finally {
    client.close();
    publisher.close();
    pub.disconnect();
    sub.disconnect();
    await a.stop();
    await b.stop();
  }
  const warmUp = Math.floor(times / 10);
  const of = (values: readonly number[]) => ({ p50Ms: quantile(values, 0.5), p99Ms: quantile(values, 0.99) });
  return { publish: of(seen.publish.slice(warmUp)), redis: of(seen.redis.slice(warmUp)) };
}
