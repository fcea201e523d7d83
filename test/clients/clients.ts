// Clients that are none of ours against a door as a developer starts it, over TLS: `npm run test:clients`.

import { join } from 'node:path';
import { after } from 'node:test';
import { bufCurlTests } from './buf-curl.ts';
import { buildGo, buildJava } from './builds.ts';
import { curlTests } from './curl.ts';
import { openHouse } from './house.ts';
import { pageTests } from './pages.ts';
import { run } from './programs.ts';
import { walkTests } from './walk.ts';

const house = await openHouse();
after(() => house.close());

walkTests('grpc-go', house, async () => {
  const phone = join(await buildGo(), 'phone');
  return (what, env) => run(phone, [what], { env });
});
walkTests('grpc-java on OkHttp', house, async () => {
  const jar = await buildJava();
  return (what, env) => run('java', ['-jar', jar, what], { env });
});
bufCurlTests(house);
curlTests(house);
pageTests(house);
