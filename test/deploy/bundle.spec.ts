// `npm run test:deploy`: runs the Dockerfile's steps in a clean folder and starts the very bundle that it would copy, as another user, from a folder that cannot be written.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { callOf, registryOf, transportOf } from '../support/client/protocols.ts';
import { appUpstreams } from '../support/server/app-upstreams.ts';
import { type Deployed, openDeployed } from './deployed.ts';
import type { Container, Image } from './image.ts';

const root = resolve(import.meta.dirname, '../..');
const registry = registryOf(readFileSync(join(root, 'src/gen/descriptors.binpb')));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

let deployed: Deployed;
let image: Image;
let env: Readonly<Record<string, string>>;
before(async () => {
  deployed = await openDeployed(async () => appUpstreams);
  ({ image, env } = deployed);
});
after(() => deployed?.close());

async function probe(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`http://127.0.0.1:${deployed.adminPort}${path}`);
  return { status: response.status, body: await response.text() };
}

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

test('the application folder holds the bundle, what it reads, and the licences: no sources, no packages', () => {
  const migrations = ['core', 'app'].flatMap((part) =>
    readdirSync(join(root, 'migrations', part))
      .filter((file) => file.endsWith('.sql'))
      .map((file) => `migrations/${part}/${file}`),
  );
  assert.deepEqual(
    filesOf(image.stage.workdir),
    ['LICENSE', 'THIRD-PARTY-LICENSES.txt', 'src/gen/descriptors.binpb', 'package.json', 'portico.mjs', 'portico.mjs.map', ...migrations].sort(),
  );
  assert.ok(filesOf(image.stage.path('/home/nonroot/compile-cache')).length > 0, 'the build has left compiled code');
});

test('the bundle tells the version of package.json', async () => {
  assert.deepEqual(await image.start(['--version']).ended, { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('the bundle says what is missing when it is told nothing', async () => {
  const { code, stderr } = await image.start([]).ended;
  assert.equal(code, 2);
  for (const key of ['sql.url', 'auth.keysDir', 'auth.refreshKey', 'public.tls', 'internal.tls']) assert.match(stderr, new RegExp(key));
});

test('the embedded database is not in the image, and serving with it ends with words about that', async () => {
  const { DATABASE_URL_FILE: _, ...others } = env;
  const { code, stderr } = await image.start([], { ...others, PORTICO_EMBEDDED: 'true', PORTICO_DATA_DIR: join(image.mounts, 'data') }).ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /embedded database/);
});

test('one process of the image: waits for its schema, is migrated, serves, and leaves on SIGTERM', async (context) => {
  const server = image.start([], env);
  context.after(() => server.process.kill('SIGKILL'));
  const { urls } = (await server.line('Portico listens.')) as { urls: { public: string } };

  await context.test('without its schema it has started and is alive, but is not ready, and says what to do', async () => {
    const [first, ...others] = migrationNames();
    const missing = others.length === 0 ? `${first} is` : `${1 + others.length} migrations from ${first} on are`;
    await server.line(`the database lacks a part of this release's schema: ${missing} missing; run \`portico migrate\``);
    assert.equal((await probe('/startupz')).status, 200);
    assert.equal((await probe('/livez')).status, 200);
    const { status, body } = await probe('/readyz');
    assert.equal(status, 503);
    assert.match(body, /run `portico migrate`/);
    const health = await image.health(env);
    assert.equal(health.code, 1, health.stderr);
    const check = await image.start(['check'], env).ended;
    assert.equal(check.code, 3, check.stdout + check.stderr);
    assert.match(check.stdout, /WRONG\s+database .*portico migrate/);
  });

  await context.test('`portico migrate` wants the URL of the database and nothing else, and may be repeated', async () => {
    const { DATABASE_URL_FILE = '' } = env;
    const first = await image.start(['migrate'], { DATABASE_URL_FILE }).ended;
    assert.deepEqual([first.code, first.stderr], [0, '']);
    assert.match(first.stdout, /^applied core\/0001_/);
    const second = await image.start(['migrate'], { DATABASE_URL_FILE }).ended;
    assert.deepEqual([second.code, second.stdout], [0, 'The schema is up to date.\n']);
  });

  await context.test('then it is ready, which HEALTHCHECK and `portico check` find too', async () => {
    await server.line('Ready.');
    assert.deepEqual(await probe('/readyz'), { status: 200, body: 'ok\n' });
    const health = await image.health(env);
    assert.deepEqual([health.code, health.stdout], [0, 'ok\n']);
    const check = await image.start(['check'], env).ended;
    assert.equal(check.code, 0, check.stdout + check.stderr);
  });

  await context.test('a client signs in with an ID token and is known, as JSON and by gRPC over TLS', async () => {
    const at = { url: urls.public, ca: deployed.ca };
    const headers = await deployed.signIn(urls.public, registry);
    for (const protocol of ['json h2', 'grpc h2'] as const) {
      const devices = await callOf(registry, transportOf(protocol, at), 'portico.v1.SessionService/ListDevices', {}, { headers });
      assert.equal((devices.messages[0]?.devices as unknown[] | undefined)?.length, 1, devices.message);
    }
    const refused = await callOf(registry, transportOf('grpc h2', at), 'portico.v1.SessionService/ListDevices', {});
    assert.deepEqual([refused.code, refused.reason], [16, 'TOKEN_MISSING']);
  });

  await context.test('on SIGTERM it drains, sends its last telemetry, and ends with 0', async () => {
    server.process.kill('SIGTERM');
    const { code, stderr } = await server.ended;
    assert.deepEqual([code, stderr], [0, '']);
    await leaves(server);
    assert.ok((deployed.received.get('/v1/traces') ?? 0) > 0, 'the collector got spans: the exporters are in the bundle');
    assert.ok((deployed.received.get('/v1/metrics') ?? 0) > 0, 'the collector got metrics');
  });
});

async function leaves(server: Container): Promise<void> {
  const messages = server.lines().map(({ msg }) => msg);
  assert.ok(messages.includes('SIGTERM: finishing the calls in flight; a second signal ends them.'));
  assert.ok((await server.line('Portico has drained.')) !== undefined);
}

function migrationNames(): readonly string[] {
  return ['core', 'app'].flatMap((part) =>
    readdirSync(join(root, 'migrations', part))
      .filter((file) => file.endsWith('.sql'))
      .sort()
      .map((file) => `${part}/${file.slice(0, -'.sql'.length)}`),
  );
}
