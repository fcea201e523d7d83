// `npm run test:deploy`: the bundle that the Dockerfile would copy answers a screen of the sample app.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRemoteJWKSet } from 'jose';
import { type Company, openCompany } from '../../src/sample/company.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { type Deployed, openDeployed } from '../deploy/deployed.ts';
import { transportOf } from '../support/client/protocols.ts';
import { callSample, sampleRegistry } from './sample-server.ts';

let company: Company;
let deployed: Deployed;
before(async () => {
  deployed = await openDeployed(async (adminPort) => {
    const keys = createRemoteJWKSet(new URL(`http://127.0.0.1:${adminPort}/.well-known/jwks.json`));
    company = await openCompany({ clock: systemClock, keys, issuer: 'portico' });
    return Object.fromEntries(Object.entries(company.addresses).map(([name, address]) => [name, { address }]));
  });
});
after(async () => {
  company?.close();
  await deployed?.close();
});

test('a client gets a whole screen of the bundle, as JSON and by gRPC over TLS', async (context) => {
  const { image, env, ca } = deployed;
  const { DATABASE_URL_FILE = '' } = env;
  assert.equal((await image.start(['migrate'], { DATABASE_URL_FILE }).ended).code, 0);
  const server = image.start([], env);
  context.after(() => server.process.kill('SIGKILL'));
  const { urls } = (await server.line('Portico listens.')) as { urls: { public: string } };
  await server.line('Ready.');
  const headers = await deployed.signIn(urls.public, sampleRegistry);
  for (const protocol of ['json h2', 'grpc h2'] as const) {
    const home = await callSample(transportOf(protocol, { url: urls.public, ca }), 'app.v1.HomeService/GetHome', {}, { headers });
    assert.equal(home.code, 0, home.message);
    assert.deepEqual(home.messages[0]?.missingParts, []);
  }
  const refused = await callSample(transportOf('grpc h2', { url: urls.public, ca }), 'app.v1.HomeService/GetHome', {});
  assert.deepEqual([refused.code, refused.reason], [16, 'TOKEN_MISSING']);
});
