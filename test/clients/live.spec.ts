// Live updates for clients that are none of ours, over two replicas of which one is stopped: `npm run test:clients`.
import { join } from 'node:path';
import { after, before } from 'node:test';
import { buildGo, buildJava } from './builds.ts';
import { liveTests } from './live-scenario.ts';
import { openReplicas, type Replicas } from './replicas.ts';

let replicas: Replicas;
before(async () => {
  replicas = await openReplicas();
});
after(() => replicas?.close());

liveTests(
  'grpc-go',
  () => replicas,
  async () => [join(await buildGo(), 'client')],
);
liveTests(
  'grpc-java on OkHttp',
  () => replicas,
  async () => ['java', '-jar', await buildJava()],
);
