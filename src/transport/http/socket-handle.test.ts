import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer, connect as openTls, type TLSSocket } from 'node:tls';
import { until } from '../../../test/support/time/until.ts';
import { devTls } from '../tls/dev-certificates.ts';
import { pauseSoon } from './socket-handle.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-paused-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A TLS server that pauses its connection until `goOn`, and a client of it that sends bytes with its handshake. */
async function openPaused(early: string) {
  const tls = await devTls(folder, Date.now());
  let goOn: (() => void) | undefined;
  let accepted: TLSSocket | undefined;
  let text = '';
  const server = createServer({ key: tls.key, cert: tls.cert }, (socket) => {
    accepted = socket.on('error', () => {});
    const resume = pauseSoon(socket);
    goOn = () => {
      resume();
      socket.on('data', (bytes) => {
        text += bytes;
      });
    };
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = openTls({ port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {});
  client.setNoDelay(true);
  if (early !== '') client.write(early);
  const close = async () => {
    client.destroy();
    accepted?.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  await until('it is paused', () => goOn !== undefined);
  return { client, goOn: () => goOn?.(), has: () => accepted?.readableLength, text: () => text, [Symbol.asyncDispose]: close };
}

for (const early of ['', 'PRI'])
  test(`what a client sends to a paused connection is not read, and nothing of it is lost, after ${early.length} bytes with its handshake`, async () => {
    await using paused = await openPaused(early);
    const { client, goOn, has, text } = paused;
    await until('what came with its handshake is there', () => has() === early.length);
    await turn();
    for (let i = 0; i < 200; i++) await new Promise((sent) => client.write('x', sent));
    await turn();
    assert.equal(has(), early.length);
    goOn();
    await until('all is read', () => text() === early + 'x'.repeat(200));
  });
