// The server that is fuzzed, as a process of its own: it dies alone, and its memory is its own. server.ts
// UPSTREAM-ADDRESS
import { createInterface } from 'node:readline';
import { openFixture } from '../fixture/app.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer } from '../support/server/test-server.ts';

const [address = ''] = process.argv.slice(2);
// Short times, so that what waits for one of them is no hang.
const settings = {
  'public.timers.preface': '500ms',
  'public.timers.request': '1s',
  'upstreams.scripted.deadline': '2s',
  'upstreams.scripted.address': address,
};
const server = await openTestServer({ app: openFixture().app, settings });
const { headers } = await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice', ['items.read']);
console.log(`ready ${JSON.stringify({ url: server.url, ca: server.ca, authorization: headers.authorization })}`);

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'memory') continue;
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((next) => setTimeout(next, 100));
  }
  console.log(`memory ${process.memoryUsage.rss()}`);
}
await server.close();
