// Chat for clients that are none of ours, over two replicas and a connection that is cut: `npm run test:clients`.
import { join } from 'node:path';
import { after, before } from 'node:test';
import { buildGo, buildJava } from './builds.ts';
import { chatTests } from './chat-scenario.ts';
import { openReplicas, type Replicas } from './replicas.ts';

let replicas: Replicas;
before(async () => {
  replicas = await openReplicas();
});
after(() => replicas?.close());

chatTests(
  'grpc-go',
  () => replicas,
  async () => [join(await buildGo(), 'client')],
);
chatTests(
  'grpc-java on OkHttp',
  () => replicas,
  async () => ['java', '-jar', await buildJava()],
);
