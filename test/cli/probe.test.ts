// `portico probe` as the chart's test pod runs it: against a server in production mode, with nothing but keys and certificates.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createDatabase } from '../support/postgres/postgres.ts';
import { appUpstreams } from '../support/server/app-upstreams.ts';
import { makeAuthority, makeCertificate, writePair } from '../support/token/certificates.ts';
import { run, start, stopAll } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-probe-'));
let database: Awaited<ReturnType<typeof createDatabase>>;
let addresses: readonly string[];

const newKey = (folder: string) => {
  mkdirSync(join(cwd, folder));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(cwd, folder, '0001.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
};
const pinned = ['--certificate', 'tls/cert.pem'];
const probe = (...args: readonly string[]) =>
  run(['probe', ...addresses, ...args], { cwd, env: { PORTICO_CONFIG: '/dev/null', PORTICO_AUTH__KEYS_DIR: 'keys' } });

before(async () => {
  for (const folder of ['tls', 'other']) {
    mkdirSync(join(cwd, folder));
    writePair(join(cwd, folder), 'cert', await makeCertificate(await makeAuthority('company'), 'api.example.com'));
  }
  newKey('keys');
  newKey('other-keys');
  writeFileSync(
    join(cwd, 'portico.yaml'),
    [
      'public: {host: 127.0.0.1, port: 0, tls: {certFile: tls/cert.pem, keyFile: tls/cert-key.pem}}',
      'internal: {host: 127.0.0.1, port: 0}',
      'admin: {host: 127.0.0.1, port: 0}',
      `auth: {keysDir: keys, refreshKey: ${'k'.repeat(40)}}`,
      'live: {namespaces: {portico-probe: {listen: owner, history: 10, historyAge: 1m}}}',
      `upstreams: ${JSON.stringify(appUpstreams)}`,
    ].join('\n'),
  );
  database = await createDatabase();
  const env = { DATABASE_URL: database.url };
  assert.equal((await run(['migrate'], { cwd, env })).code, 0);
  const serve = start(['serve'], { cwd, env });
  await serve.until(/Ready\./);
  const [, publicPort] = await serve.until(/"public":"https:[^"]*:(\d+)"/);
  const [, internalPort] = await serve.until(/"internal":"https:[^"]*:(\d+)"/);
  // not the name in the certificate: as by the name of a Service
  addresses = ['--public', `localhost:${publicPort}`, '--internal', `localhost:${internalPort}`];
});
after(async () => {
  await stopAll();
  await database?.drop();
  rmSync(cwd, { recursive: true, force: true });
});

test('makes a signed call, opens a stream, publishes, and sees the event', async () => {
  const { code, stdout, stderr } = await probe(...pinned);
  assert.deepEqual([code, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.replace(/ (to|the topic) \S+$/, '')),
    ['ok: a signed call', 'ok: a live stream with', 'ok: an event published', 'ok: the event received by the stream'],
  );
});

test('behind a proxy that sends PROXY headers, it sends one, too', async () => {
  const serve = start(['serve', '--set', 'public.trustedProxies=["127.0.0.1/32","::1/128"]'], { cwd, env: { DATABASE_URL: database.url } });
  await serve.until(/Ready\./);
  const [, publicPort] = await serve.until(/"public":"https:[^"]*:(\d+)"/);
  const proxied = ['--public', `localhost:${publicPort}`, ...pinned];
  const without = await probe(...proxied, '--timeout', '10s');
  assert.deepEqual([without.code, without.stdout], [1, '']);
  const [, internalPort] = await serve.until(/"internal":"https:[^"]*:(\d+)"/);
  const { code, stdout, stderr } = await probe(...proxied, '--internal', `localhost:${internalPort}`, '--proxy-header');
  assert.deepEqual([code, stderr, stdout.split('\n').length], [0, '', 5], stdout);
});

const failing: readonly (readonly [name: string, args: readonly string[], code: number, message: RegExp])[] = [
  ['a key that the server does not have', [...pinned, '--set', 'auth.keysDir=other-keys'], 1, /a signed call .*UNAUTHENTICATED/],
  ['an issuer that is not the server', [...pinned, '--set', 'auth.issuer=other'], 1, /a signed call .*UNAUTHENTICATED/],
  ['a namespace that is not there', [...pinned, '--namespace', 'none'], 1, /a live stream .*TOPIC/],
  ['another certificate', ['--certificate', 'other/cert.pem'], 1, /a signed call .*UNAVAILABLE/],
  ['another certificate of the internal listener', [...pinned, '--internal-certificate', 'other/cert.pem'], 1, /an event published .*UNAVAILABLE/],
  ['plain HTTP/2 where TLS is spoken', ['--internal-certificate', 'tls/cert.pem'], 1, /a signed call .*UNAVAILABLE/],
  ['a file that is no certificate', ['--certificate', 'portico.yaml'], 2, /portico\.yaml is no certificate/],
  ['no certificate at all', [], 64, /--internal-certificate is needed/],
  ['no duration', [...pinned, '--timeout', 'soon'], 64, /--timeout soon/],
];
for (const [name, args, code, message] of failing)
  test(`${name}: ends with ${code}, and names what failed`, async () => {
    const ended = await probe(...args);
    assert.equal(ended.code, code, ended.stdout + ended.stderr);
    assert.match(ended.stderr, message);
  });

test('a server that is not there is named, too', async () => {
  const { code, stderr } = await run(['probe', '--public', 'localhost:1', '--internal', 'localhost:1', ...pinned], {
    cwd,
    env: { PORTICO_CONFIG: '/dev/null', PORTICO_AUTH__KEYS_DIR: 'keys' },
  });
  assert.equal(code, 1);
  assert.match(stderr, /a signed call to localhost:1: UNAVAILABLE/);
});
