import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer } from '../support/server/test-server.ts';

test('an access log that is a file holds a line of each call when the server has closed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-access-log-'));
  try {
    const file = join(folder, 'made/by/the/server.log');
    const server = await openTestServer({ app: openFixture().app, settings: { 'telemetry.accessLog': file }, samples: { scripted: '127.0.0.1:1' } });
    await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice').finally(() => server.close());
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.equal(lines.length, 1);
    assert.equal(JSON.parse(lines[0] ?? '')['rpc.method'], 'portico.v1.SessionService/SignIn');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
