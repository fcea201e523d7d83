import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { createDatabase } from '../support/postgres/postgres.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';

const root = resolve(import.meta.dirname, '../..');
let database: Awaited<ReturnType<typeof createDatabase>>;
let script: ChildProcess;
let said = '';
const find = (what: RegExp) => what.exec(said)?.[1] ?? assert.fail(`${what} in ${said}`);

before(async () => {
  database = await createDatabase();
  const { nodes } = await sharedRedis();
  script = spawn(process.execPath, [resolve(root, 'scripts/cluster.ts'), '--port', '0', '--log', 'error'], {
    env: { ...process.env, DATABASE_URL: database.url, REDIS_URL: `redis://${nodes[0]}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [script.stdout, script.stderr]) stream?.on('data', (text) => (said += text));
  await until('the cluster stands', () => said.includes('Ctrl-C ends all') || script.exitCode !== null, 180_000);
  assert.equal(script.exitCode, null, said);
});
after(async () => {
  if (script?.exitCode === null) {
    script.kill('SIGTERM');
    await once(script, 'exit');
  }
  await database?.drop();
});

test('compose.yaml starts the script by options that it has', () => {
  const { services } = parse(readFileSync(resolve(root, 'compose.yaml'), 'utf8')) as { services: { portico: { command: string[] } } };
  const [node, file, ...options] = services.portico.command;
  assert.deepEqual([node, file], ['node', 'scripts/cluster.ts']);
  const { status, stderr } = spawnSync(process.execPath, [resolve(root, 'scripts/cluster.ts'), ...options, '--replicas', '0'], { encoding: 'utf8' });
  assert.deepEqual([status, stderr.split('\n')[0]], [64, '--replicas 0: a whole number from 1 to 20 is allowed.']);
});

test('npm run cluster: two replicas answer as one, one that is killed is not missed, and Ctrl-C ends all', async () => {
  const answered = execFileSync('sh', ['-c', find(/^ {2}(curl .*)$/m)]).toString();
  const { accessToken } = JSON.parse(answered) as { accessToken: string };
  const at = { url: find(/public +(https:\S+)/), ca: readFileSync(find(/^ {2}ca +(\S+)/m), 'utf8') };
  const headers = { authorization: `Bearer ${accessToken}` };
  const admins = [...said.matchAll(/replica \d (http:\S+)\/readyz/g)].map(([, url]) => url ?? '');
  const pids = [...said.matchAll(/pid (\d+)$/gm)].map(([, pid]) => Number(pid));
  // its deadline is long enough for a machine that is busy with other tests
  const devices = () => postOnce(`${at.url}/portico.v1.SessionService/ListDevices`, at.ca, headers);
  const calls = async (url: string) => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(/^rpc_server_call_duration_seconds_count\{.*SessionService\/ListDevices.*\} (\d+)/m.exec(metrics)?.[1] ?? 0);
  };
  for (let i = 0; i < 20; i++) assert.equal(await devices(), 200);
  const counts = await Promise.all(admins.map(calls));
  assert.ok(counts.length === 2 && counts.every((count) => count > 0), `${counts}`);

  process.kill(pids[0] ?? 0, 'SIGKILL');
  for (let i = 0; i < 20; i++) assert.equal(await devices(), 200);
  assert.ok((await calls(admins[1] ?? '')) >= (counts[1] ?? 0) + 20);

  script.kill('SIGINT');
  const [code] = await once(script, 'exit');
  assert.equal(code, 0);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), 'no replica is left');
  assert.equal(existsSync(find(/^ {2}ca +(\S+)/m)), false, 'nothing is left on disk');
});

/** A client that connects, calls once and leaves. @returns the status */
async function postOnce(url: string, ca: string, headers: Record<string, string>): Promise<number | undefined> {
  const call = request(url, { method: 'POST', ca, agent: false, headers: { ...headers, 'content-type': 'application/json' } });
  call.end('{}');
  const [response] = await once(call, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}
