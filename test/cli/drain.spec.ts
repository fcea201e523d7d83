// What a signal begins, on a process: clients of streams are moved, the end is reported, and a second signal does not wait.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openLiveClient } from '../support/client/live-client.ts';
import { keptTransports, signIn } from '../support/client/protocols.ts';
import { openWire } from '../support/client/wire.ts';
import { upstreamFlags } from '../support/server/app-upstreams.ts';
import { liveRegistry } from '../support/server/live-server.ts';
import { start, stopAll } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-drain-'));
const env = { PORTICO_PUBLIC__PORT: '0', PORTICO_INTERNAL__PORT: '0', PORTICO_ADMIN__PORT: '0' };
const transports = keptTransports();
after(async () => {
  await stopAll();
  rmSync(cwd, { recursive: true, force: true });
});

/** A server with open live streams, each of a device of its own. */
async function openStreams(dataDir: string, spread: string, devices: readonly string[]) {
  const flags = ['--set', `dataDir=${dataDir}`, '--set', `drain.spread=${spread}`, '--set', 'drain.grace=8s'];
  const dev = start(['dev', ...flags, ...upstreamFlags], { cwd, env });
  const [, port] = await dev.until(/public {4}https:\/\/localhost:(\d+)/);
  const [, admin] = await dev.until(/admin {5}(http:\/\/localhost:\d+)/);
  await dev.until(/Ready\./);
  const server = { url: `https://localhost:${port}`, ca: readFileSync(join(cwd, dataDir, 'tls/ca.pem'), 'utf8') };
  const { headers } = await signIn(server, liveRegistry, 'alice');
  const streams = devices.map((device) =>
    openLiveClient({ registry: liveRegistry, transport: transports('grpc h2', server), headers, hello: { device } }),
  );
  for (const stream of streams) await stream.wait('welcome');
  return { dev, server, admin, streams };
}

test('SIGTERM moves the clients of streams over the spread, and the last line counts what was moved and cut', async () => {
  const { dev, server, admin, streams } = await openStreams('spread', '2s', ['a', 'b', 'c', 'd']);
  dev.signal('SIGTERM');
  const told = await Promise.all(streams.map((stream) => stream.wait('goingAway')));
  assert.equal((await fetch(`${admin}/readyz`)).status, 503);
  await assert.rejects(openWire(server), 'no new connections');
  for (const { delayMs, closesInMs } of told) {
    assert.ok(delayMs >= 0 && delayMs <= 2_000, String(delayMs));
    assert.equal(closesInMs, delayMs + 2_000, 'a quarter of the grace time later');
  }
  assert.ok(new Set(told.map(({ delayMs }) => delayMs)).size > 1, 'not all at once');
  for (const stream of streams) assert.equal((await stream.wait('closed')).reason, 'DRAINING');
  const { code, stdout } = await dev.ended;
  assert.equal(code, 0, stdout);
  const [line = ''] = stdout.match(/.*Portico has drained\..*/) ?? [];
  const { streams_moved, connections_cut, calls_cut } = JSON.parse(line) as Record<string, number>;
  assert.deepEqual([streams_moved, connections_cut, calls_cut], [4, 0, 0]);
});

test('a second signal ends the process at once, with 1', async () => {
  const { dev, streams } = await openStreams('twice', '10m', ['a']);
  dev.signal('SIGTERM');
  await streams[0]?.wait('goingAway');
  dev.signal('SIGINT');
  const { code, stdout } = await dev.ended;
  assert.equal(code, 1);
  assert.doesNotMatch(stdout, /Portico has drained\./);
});
