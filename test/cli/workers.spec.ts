// `portico serve` with several processes on its ports.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { appUpstreams } from '../support/server/app-upstreams.ts';
import type { Running } from '../support/server/process.ts';
import { until } from '../support/time/until.ts';
import { run, start, stopAll } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-workers-'));
let database: Awaited<ReturnType<typeof createMigratedDatabase>>;
let env: { readonly DATABASE_URL: string };
let serve: Running;
let publicUrl: URL;
let admin: string;
let ca: string;

before(async () => {
  const { caFile } = await devTls(join(cwd, 'tls'), Date.now());
  ca = readFileSync(caFile, 'utf8');
  mkdirSync(join(cwd, 'keys'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(cwd, 'keys', '0001.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(join(cwd, 'refresh-key'), `${'k'.repeat(40)}\n`);
  const lines = (redis: string) =>
    [
      'workers: 2',
      'public: {host: 127.0.0.1, port: 0, tls: {certFile: tls/cert.pem, keyFile: tls/key.pem}}',
      'internal: {host: 127.0.0.1, port: 0}',
      'admin: {host: 127.0.0.1, port: 0}',
      'drain: {spread: 0s, grace: 5s}',
      'auth:',
      '  keysDir: keys',
      '  refreshKeyFile: refresh-key',
      '  idTokenIssuers: [{issuer: "https://id.example.com", jwksUrl: "https://id.example.com/jwks.json", audiences: [app]}]',
      `upstreams: ${JSON.stringify(appUpstreams)}`,
      redis,
    ].join('\n');
  writeFileSync(join(cwd, 'portico.yaml'), lines(`redis: ${JSON.stringify(await sharedRedis())}`));
  writeFileSync(join(cwd, 'alone.yaml'), lines(''));
  database = await createMigratedDatabase();
  env = { DATABASE_URL: database.url };
  serve = start(['serve'], { cwd, env });
  const [, at = '', adminAt = ''] = await serve.until(/"public":"(https:[^"]+)".*"admin":"(http:[^"]+)"/);
  [publicUrl, admin] = [new URL(at), adminAt];
  await until('all are ready', async () => (await fetch(`${admin}/readyz`)).ok);
});
after(async () => {
  await stopAll();
  await database.drop();
  rmSync(cwd, { recursive: true, force: true });
});

/** One call on a connection of its own. @returns its HTTP status */
async function call(): Promise<number> {
  const { port, hostname } = publicUrl;
  const asked = request({
    hostname,
    port,
    ca,
    agent: false,
    method: 'POST',
    path: '/portico.v1.SessionService/Refresh',
    headers: { 'content-type': 'application/json' },
  });
  asked.end('{}');
  const [response] = await once(asked, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}
const metric = async (pattern: RegExp) =>
  [...(await (await fetch(`${admin}/metrics`)).text()).matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
/** The workers' process ids: those whose parent is itself a child of the launcher. */
function workerPids(): readonly number[] {
  const all = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const childrenOf = (pid: number) => all.flatMap(([child, parent]) => (parent === pid ? [child] : []));
  return childrenOf(serve.pid).flatMap(childrenOf);
}

test('metrics are those of all workers, summed, with one resource', async () => {
  const count = /^rpc_server_call_duration_seconds_count\{[^}]*SessionService\/Refresh[^}]*\} (\d+)$/gm;
  const before = await metric(count);
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 20 }, call))), new Set([400]));
  assert.equal((await metric(count)) - before, 20);
  assert.equal(await metric(/^portico_workers (\d+)$/gm), 2);
  const text = await (await fetch(`${admin}/metrics`)).text();
  assert.equal(text.match(/^target_info/gm)?.length, 1);
  assert.equal(text.match(/^portico_store_up 1$/gm)?.length, 1, 'not 2');
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.equal(new Set(names).size, names.length);
});

test('a TLS session is resumed at whatever worker', async () => {
  const { port, hostname } = publicUrl;
  const handshake = async (session?: Buffer) => {
    const socket = connect({
      host: hostname,
      port: Number(port),
      ca,
      servername: 'localhost',
      ALPNProtocols: ['http/1.1'],
      ...(session && { session }),
    });
    const ticket = new Promise<Buffer>((resolve) => socket.once('session', resolve));
    socket.resume(); // the tickets of TLS 1.3 come after the handshake
    await once(socket, 'secureConnect');
    const reused = socket.isSessionReused();
    return { reused, ticket, socket };
  };
  const first = await handshake();
  const ticket = await first.ticket;
  first.socket.destroy();
  for (let i = 0; i < 6; i++) {
    const { reused, socket } = await handshake(ticket);
    socket.destroy();
    assert.equal(reused, true, `connection ${i}`);
  }
});

test('a switch is changed at all workers, and only a good value', async () => {
  const put = (body: object) =>
    fetch(`${admin}/switches`, { method: 'PUT', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  assert.equal((await put({ logLevel: 'loud' })).status, 400);
  assert.equal((await put({ logLevel: 'warn' })).status, 200);
  for (let i = 0; i < 4; i++) assert.match(await (await fetch(`${admin}/switches`)).text(), /"logLevel":"warn"/);
  assert.equal((await put({ logLevel: 'info', sampleRatio: 0.25 })).status, 200);
  assert.equal((await fetch(`${admin}/metrics`, { headers: { origin: 'https://evil.example' } })).status, 403);
  assert.equal((await fetch(`${admin}/readyz`, { method: 'DELETE' })).status, 405);
  assert.match(await (await fetch(`${admin}/.well-known/jwks.json`)).text(), /"keys"/);
});

test('a worker that dies is replaced and named, and no later call notices', async () => {
  const [worker] = workerPids();
  assert.ok(worker);
  process.kill(worker, 'SIGKILL');
  const line = await serve.until(/\{[^\n]*"msg":"A worker has died: it is replaced\."[^\n]*\}/);
  assert.match(line[0], new RegExp(`"pid":${worker}.*"signal":"SIGKILL"`));
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 10 }, call))), new Set([400]));
  await until('there are two again', async () => (await metric(/^portico_workers (\d+)$/gm)) === 2);
  assert.equal(await metric(/^portico_workers_replaced_total (\d+)$/gm), 1);
  assert.equal((await fetch(`${admin}/readyz`)).status, 200);
  for (let i = 0; i < 4; i++) assert.match(await (await fetch(`${admin}/switches`)).text(), /"sampleRatio":0\.25/, 'it was changed before');
});

test('what is wrong is said once', async () => {
  const { code, stdout, stderr } = await run(['serve', '-c', 'alone.yaml'], { cwd, env });
  assert.equal(code, 2);
  assert.equal(stderr.match(/workers \(alone\.yaml:1\): 2 needs Redis/g)?.length ?? stdout, 1, stderr);
  const taken = await run(['serve', '--set', `public.port=${publicUrl.port}`], { cwd, env });
  assert.equal(taken.code, 3);
  assert.equal(taken.stderr.match(/is in use by another process/g)?.length, 1, taken.stderr);
  const dev = await run(['dev'], { cwd, env });
  assert.match(dev.stderr, /workers: 2 is for `portico serve`/);
});

test('SIGTERM drains all workers, and the process ends well when all have', async () => {
  serve.signal('SIGTERM');
  const { code, stdout } = await serve.ended;
  assert.equal(code, 0);
  assert.equal(stdout.match(/"msg":"Portico has drained\."/g)?.length, 2);
});
