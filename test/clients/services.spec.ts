// The examples for owners of internal services, in each language: compiled, and run as services of a server that
// caches their answers: `npm run test:clients`.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { openLiveClient } from '../support/client/live-client.ts';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { run } from '../support/programs/programs.ts';
import { type Running, startProcess } from '../support/server/process.ts';
import { until } from '../support/time/until.ts';
import { buildGo, buildJava, example } from './builds.ts';
import { root, startScript } from './script.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-services-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const registry = registryOf(readFileSync(join(root, 'src/gen/descriptors.binpb')));

/** Starts the service of a language. */
const languages: Readonly<Record<string, () => Promise<Running>>> = {
  TypeScript: async () => {
    const path = example('changes.ts', folder);
    writeFileSync(path, readFileSync(path, 'utf8').replace('./gen/', join(root, 'src/gen/')));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['changes.ts'] }));
    await run(join(root, 'node_modules/.bin/tsc'), ['--project', folder], { mostMs: 120_000 });
    return startScript(['test/clients/services/service.ts', path]);
  },
  Go: async () => startProcess(join(await buildGo(), 'client'), ['service'], { cwd: root, env: process.env, shown: true }),
  Java: async () => startProcess('java', ['-jar', await buildJava(), 'service'], { cwd: root, env: process.env, shown: true }),
};

for (const [language, start] of Object.entries(languages))
  suite(`the example in ${language}`, () => {
    const dataDir = join(folder, language);
    let service: Running;
    let server: Running;
    let at: { readonly url: string; readonly ca: string };
    let headers: Readonly<Record<string, string>>;

    before(async () => {
      service = await start();
      const settings = {
        'public.port': 0,
        'internal.port': 0,
        'admin.port': 0,
        dataDir,
        'upstreams.promotions.address': await service.line(/^(127\.0\.0\.1:\d+)$/),
        'live.namespaces': JSON.stringify({ order: { listen: 'users', history: 100 } }),
      };
      const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
      server = startScript(['src/main.ts', 'dev', ...set]);
      const url = await server.line(/^ {2}public +(https:\/\/\S+)/);
      const internal = await server.line(/^ {2}internal +https:\/\/(\S+)/);
      const adminUrl = await server.line(/^ {2}admin +(http:\/\/[^/]+)\//);
      await until('the server is ready', async () => (await fetch(`${adminUrl}/readyz`)).ok, 60_000);
      const caFile = join(dataDir, 'tls/ca.pem');
      at = { url, ca: readFileSync(caFile, 'utf8') };
      ({ headers } = await signIn(at, registry, 'alice'));
      const token = await run(process.execPath, ['src/main.ts', 'token', 'orders', '--dev', '--set', `dataDir=${dataDir}`]);
      service.say(`connect ${internal} ${caFile} ${token.trim()}`);
      await service.line(/^done connect()$/);
    });
    after(() => Promise.all([server?.stop(), service?.stop()]));

    const answer = async () => {
      const { messages } = await callOf(registry, transportOf('grpc h2', at), 'app.v1.PromotionService/ListPromotions', {}, { headers });
      const [{ promotions } = {}] = messages as unknown as readonly { readonly promotions?: readonly { readonly title: string }[] }[];
      return promotions?.[0]?.title;
    };

    test('an answer that it marks is cached until it reports a change', async () => {
      assert.equal(await answer(), '1');
      assert.equal(await answer(), '1');
      service.say('changed 42');
      await service.line(/^done changed()$/);
      assert.equal(await answer(), '2');
    });
    test('an event that it publishes twice comes once', async () => {
      const client = openLiveClient({ registry, transport: transportOf('grpc h2', at), headers, hello: { subscriptions: [{ topic: 'order:42' }] } });
      await client.wait('subscribed');
      for (const [id, text] of [
        ['a', 'one'],
        ['a', 'one'],
        ['b', 'two'],
      ]) {
        service.say(`moved 42 ${id} ${text}`);
        await service.line(/^done moved()$/);
      }
      await until('the events came', () => client.events().includes('two'));
      assert.deepEqual(client.events(), ['one', 'two']);
      client.cut();
    });
  });
