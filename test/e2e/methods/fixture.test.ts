import { after, before } from 'node:test';
import type { Clock } from '../../../src/core/kit/clock.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { openFixture } from '../../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../../fixture/scripted-upstream.ts';
import { registryOf } from '../../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../../support/server/test-server.ts';
import { coreRows } from './core-rows.ts';
import { fixtureRows } from './fixture-rows.ts';
import { holdTable } from './hold-table.ts';

/** The table takes longer than answers stay fresh, on a machine that is busy: the time of day stands still. */
const startedMs = systemClock.nowMs();
const clock: Clock = { ...systemClock, nowMs: () => startedMs };

const registry = registryOf(fixtureRelease.descriptorSet);
let server: TestServer;
let scripted: ScriptedUpstream;
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, titles } = openFixture();
  titles.set('1', 'the first');
  server = await openTestServer({ app, samples: { scripted: scripted.address }, clock });
});
after(async () => {
  await server?.close();
  scripted?.close();
});

holdTable('fixture', [...coreRows, ...fixtureRows], () => ({ server, registry }), { scopeless: ['other'] });
