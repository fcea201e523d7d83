import { after, before } from 'node:test';
import { openFixture } from '../../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../../fixture/scripted-upstream.ts';
import { registryOf } from '../../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../../support/server/test-server.ts';
import { coreRows } from './core-rows.ts';
import { fixtureRows } from './fixture-rows.ts';
import { holdTable } from './hold-table.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let server: TestServer;
let scripted: ScriptedUpstream;
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, titles } = openFixture();
  titles.set('1', 'the first');
  server = await openTestServer({ app, samples: { scripted: scripted.address } });
});
after(async () => {
  await server?.close();
  scripted?.close();
});

holdTable('fixture', [...coreRows, ...fixtureRows], () => ({ server, registry }), { scopeless: ['other'] });
