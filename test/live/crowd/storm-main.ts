// A server of the fixture as a process of its own, whose computations are counted. storm-main.ts REDIS-ADDRESS
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { signIn } from '../../support/client/protocols.ts';
import { ownPrefix } from '../../support/redis/redis.ts';
import { liveRegistry, openLiveServer } from '../../support/server/live-server.ts';

const [address = ''] = process.argv.slice(2);
const computeMs = 20;
const server = await openLiveServer({
  redis: { mode: 'single', nodes: [address], prefix: ownPrefix() },
  settings: { 'live.streamsPerUser': 100_000, 'public.limits.connections': 100_000 },
});
let [computed, inFlight, most] = [0, 0, 0];
server.fixture.switches.onCompute = async () => {
  computed++;
  inFlight++;
  most = Math.max(most, inFlight);
  await sleep(computeMs);
  inFlight--;
};
const { accessToken: token } = await signIn(server, liveRegistry, 'alice', ['items.read']);
const { url, internalUrl, adminUrl, ca } = server;
const serviceToken = await server.portico.serviceToken('orders', 3_600_000);
console.log(`ready ${JSON.stringify({ url, internalUrl, adminUrl, ca, token, serviceToken })}`);

process.once('SIGTERM', async () => {
  await server.close();
  process.exit();
});
for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('title ')) {
    const title = line.slice('title '.length);
    for (let i = 0; i < 10_000; i++) server.fixture.titles.set(String(i), title);
    console.log('titled');
  }
  if (line === 'counts') {
    console.log(`counts ${JSON.stringify({ computed, most })}`);
    [computed, most] = [0, 0];
  }
}
