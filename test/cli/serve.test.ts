import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { openWire } from '../support/client/wire.ts';
import { createDatabase } from '../support/postgres/postgres.ts';
import { appUpstreams } from '../support/server/app-upstreams.ts';
import type { Running } from '../support/server/process.ts';
import { run, start, stopAll } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-serve-'));

/** All that serving takes, in a file of the working directory. */
async function prepare(): Promise<void> {
  await devTls(join(cwd, 'tls'), Date.now());
  mkdirSync(join(cwd, 'keys'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(cwd, 'keys', '0001.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(join(cwd, 'refresh-key'), `${'k'.repeat(40)}\n`);
  writeFileSync(
    join(cwd, 'portico.yaml'),
    [
      'public: {host: 127.0.0.1, port: 0, tls: {certFile: tls/cert.pem, keyFile: tls/key.pem}}',
      'internal: {host: 127.0.0.1, port: 0}',
      'admin: {host: 127.0.0.1, port: 0}',
      'auth:',
      '  keysDir: keys',
      '  refreshKeyFile: refresh-key',
      '  idTokenIssuers: [{issuer: "https://id.example.com", jwksUrl: "https://id.example.com/jwks.json", audiences: [app]}]',
      `upstreams: ${JSON.stringify(appUpstreams)}`,
    ].join('\n'),
  );
}

describe('portico serve on a PostgreSQL that is not migrated', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let env: { readonly DATABASE_URL: string };
  let serve: Running;
  let admin: string;
  const names = readMigrations(resolve(import.meta.dirname, '../../migrations')).map(({ name }) => name);
  const lacks = `the database lacks a part of this release's schema: ${names.length} migrations from ${names[0]} on are missing; run \`portico migrate\``;

  before(async () => {
    await prepare();
    database = await createDatabase();
    env = { DATABASE_URL: database.url };
    serve = start(['serve'], { cwd, env });
    const [, url = ''] = await serve.until(/"admin":"(http:[^"]+)"/);
    admin = url;
  });
  after(async () => {
    await stopAll();
    await database.drop();
    rmSync(cwd, { recursive: true, force: true });
  });
  const ready = async () => {
    const response = await fetch(`${admin}/readyz`);
    return { status: response.status, body: await response.text() };
  };

  test('listens, and says on /readyz and in the log what it waits for', async () => {
    await serve.until(/run `portico migrate`/);
    assert.deepEqual(await ready(), { status: 503, body: `not ok\n${lacks}\n` });
    assert.doesNotMatch(serve.output(), /kkkk/);
  });

  test('check and health say the same, with 3 and 1', async () => {
    const [check, health] = await Promise.all([run(['check'], { cwd, env }), run(['health', '--url', `${admin}/readyz`], { cwd })]);
    assert.deepEqual(health, { code: 1, stdout: '', stderr: `portico: ${admin}/readyz says 503: not ok\n${lacks}\n` });
    assert.equal(check.code, 3, check.stderr);
    assert.ok(check.stdout.includes('WRONG  database'), check.stdout);
    assert.ok(check.stdout.includes(lacks), check.stdout);
  });

  test('ends with 0 on SIGTERM even while it waits', async () => {
    const other = start(['serve'], { cwd, env });
    await other.until(/run `portico migrate`/);
    other.signal('SIGTERM');
    assert.equal((await other.ended).code, 0, other.output());
  });

  test('a dry run tells what would be applied and applies nothing', async () => {
    const dry = { code: 0, stdout: names.map((name) => `would apply ${name}\n`).join(''), stderr: '' };
    assert.deepEqual(await run(['migrate', '--dry-run'], { cwd, env }), dry);
  });

  test('two migrations at once, with nothing but the database set, apply each file once', async () => {
    const elsewhere = join(cwd, 'elsewhere');
    mkdirSync(elsewhere);
    const both = await Promise.all([run(['migrate'], { cwd: elsewhere, env }), run(['migrate'], { cwd: elsewhere, env })]);
    assert.deepEqual(
      both.map(({ code, stderr }) => [code, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    );
    assert.deepEqual(both.map(({ stdout }) => stdout).sort(), ['The schema is up to date.\n', names.map((name) => `applied ${name}\n`).join('')]);
  });

  test('then it is ready by itself', async () => {
    await serve.until(/Ready\./);
    assert.deepEqual(await ready(), { status: 200, body: 'ok\n' });
    const check = await run(['check', '--json'], { cwd, env });
    assert.equal(check.code, 0, check.stdout);
  });

  test('a token for a service takes the keys alone', async () => {
    const { code, stdout } = await run(['token', 'orders', '--set', 'auth.keysDir=keys', '--ttl', '5m'], {
      cwd,
      env: { PORTICO_CONFIG: '/dev/null' },
    });
    assert.equal(code, 0);
    const [, payload = ''] = stdout.split('.');
    const { sub, iat, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      readonly sub: string;
      readonly iat: number;
      readonly exp: number;
    };
    assert.deepEqual([sub, exp - iat], ['orders', 300]);
  });

  test('what nobody caught is logged whole, clients are told to go elsewhere, and the process ends with 1', async () => {
    const thrower =
      "if (process.argv[1].endsWith('main.ts')) process.once('SIGHUP', () => setImmediate(() => { throw new Error('nobody catches this'); }));";
    writeFileSync(join(cwd, 'throw.mjs'), thrower);
    const other = start(['serve'], { cwd, env: { ...env, NODE_OPTIONS: `--import=${pathToFileURL(join(cwd, 'throw.mjs'))}` } });
    const [, port] = await other.until(/"public":"https:[^"]*:(\d+)"/);
    await using wire = await openWire({ url: `https://localhost:${port}`, ca: readFileSync(join(cwd, 'tls', 'ca.pem'), 'utf8') });
    const told = once(wire.session, 'goaway');
    other.signal('SIGHUP');
    await told;
    const { code, stdout } = await other.ended;
    assert.equal(code, 1, stdout);
    assert.match(stdout, /"level":"error".*nobody catches this.*throw\.mjs/);
  });

  test('ends with 0 on SIGTERM', async () => {
    serve.signal('SIGTERM');
    assert.equal((await serve.ended).code, 0);
  });
});
