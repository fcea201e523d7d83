// A certificate that is replaced on disk: new connections get the new one, old ones go on; a pair that is not usable is not taken.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Clock } from '../../src/core/kit/clock.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openFixture } from '../fixture/app.ts';
import { openWire, type Wire } from '../support/client/wire.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { makeAuthority, makeCertificate, type Pair, writePair } from '../support/token/certificates.ts';

/** The files are looked at every ten seconds: here a hundred times as often. */
const clock: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms === 10_000 ? 100 : ms, callback) };

let folder: string;
let authority: Pair;
let server: TestServer;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portico-reload-'));
  authority = await makeAuthority('a test');
  const tls = writePair(folder, 'public', await makeCertificate(authority, 'localhost'));
  const timers = { 'public.timers.handshake': '20s', 'public.timers.preface': '20s' };
  server = await openTestServer({ app: openFixture().app, clock, samples: { scripted: '127.0.0.1:1' }, settings: { 'public.tls': tls, ...timers } });
});
after(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const connect = () => openWire({ url: server.url, ca: authority.cert });
const serialOf = ({ socket }: Wire) => socket.getPeerCertificate().serialNumber;
const works = async (wire: Wire) => {
  const { headers } = await wire.ask({ ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' }, '{}');
  assert.equal(headers[':status'], 200);
};

async function serialOfNew(): Promise<string> {
  await using wire = await connect();
  await works(wire);
  return serialOf(wire);
}

test('new connections get the new certificate, old ones stay', async () => {
  await using old = await connect();
  await works(old);
  const renewed = await makeCertificate(authority, 'localhost');
  writePair(folder, 'public', renewed);
  await until('a new connection sees the new certificate', async () => (await serialOfNew()) !== serialOf(old));
  await works(old);
});

test('a key that is not that of the certificate is not taken', async () => {
  const now = await serialOfNew();
  const { cert } = await makeCertificate(authority, 'localhost');
  const { key } = await makeCertificate(authority, 'localhost');
  const { certFile } = writePair(folder, 'public', { cert, key });
  utimesSync(certFile, new Date(), new Date(Date.now() + 5_000));
  await new Promise((later) => setTimeout(later, 500));
  assert.equal(await serialOfNew(), now);
});
