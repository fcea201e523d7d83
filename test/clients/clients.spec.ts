// Clients that are none of ours against a server as a developer starts it, over TLS: `npm run test:clients`.

import { join } from 'node:path';
import { after } from 'node:test';
import { run } from '../support/programs/programs.ts';
import { bufCurlTests } from './buf-curl.ts';
import { buildGo, buildJava } from './builds.ts';
import { curlTests } from './curl.ts';
import { openHarness } from './harness.ts';
import { pageTests } from './pages.ts';
import { scenarioTests } from './scenario.ts';

const harness = await openHarness();
after(() => harness.close());

scenarioTests('grpc-go', harness, async () => {
  const client = join(await buildGo(), 'client');
  return (what, env) => run(client, [what], { env });
});
scenarioTests('grpc-java on OkHttp', harness, async () => {
  const jar = await buildJava();
  return (what, env) => run('java', ['-jar', jar, what], { env });
});
bufCurlTests(harness);
curlTests(harness);
pageTests(harness);
