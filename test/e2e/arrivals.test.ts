// Clients that come all at once wait for their turns: none is lost, whatever it has sent meanwhile.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { replyOf } from '../support/client/wire.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let server: TestServer;
let scripted: ScriptedUpstream;
before(async () => {
  scripted = await openScriptedUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address } });
});
after(async () => {
  await server?.close();
  scripted?.close();
});

const clients = 150;
const echo = { ':method': 'POST', ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/json' };
const echoByHttp1 = `POST ${echo[':path']} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;

function connectBy(protocol: 'h2' | 'http/1.1'): TLSSocket {
  const { hostname, port } = new URL(server.url);
  return connectTls({ host: hostname, port: Number(port), ca: server.ca, servername: hostname, ALPNProtocols: [protocol] }).on('error', () => {});
}

/** Opens a connection and sends all calls with its first bytes. @returns the statuses */
async function callAtOnce(calls: readonly { readonly headers: Readonly<Record<string, string>>; readonly body: string }[]) {
  const session = connect(server.url, { ca: server.ca });
  session.on('error', () => {});
  const replies = calls.map(({ headers, body }) => {
    const stream = session.request({ ...echo, ...headers });
    stream.on('error', () => {});
    stream.end(body);
    return replyOf(stream);
  });
  try {
    return (await Promise.all(replies)).map(({ headers }) => headers[':status']);
  } finally {
    session.destroy();
  }
}

/** Sends requests with the first bytes of an HTTP/1.1 connection, and waits for so many answers. */
async function answered(requests: string, answers: number, status = ''): Promise<void> {
  const socket = connectBy('http/1.1');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
  });
  socket.write(requests);
  await until('all are answered', () => text.split(`HTTP/1.1 ${status}`).length === answers + 1);
  socket.destroy();
}

test('HTTP/2: each is answered, also with more in its first bytes than one buffer holds', async () => {
  const padding = () => randomBytes(1_500).toString('hex'); // HPACK would index what repeats
  const small = () => Array.from({ length: 40 }, () => ({ headers: { 'x-padding': padding() }, body: '{}' }));
  const large = [{ headers: {}, body: `{}${' '.repeat(60_000)}` }];
  const all = await Promise.all(Array.from({ length: clients }, (_, i) => callAtOnce(i % 10 === 0 ? [...large, ...small()] : large)));
  assert.deepEqual([...new Set(all.flat())], [200]);
});

test('HTTP/1.1: each is answered', async () => {
  await Promise.all(Array.from({ length: clients }, () => answered(echoByHttp1.repeat(20), 20, '200')));
});

test('HTTP/1.1: calls behind others are all answered, however many one flight has', async () => {
  await answered(echoByHttp1 + 'GET /absent HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(900), 901);
});

test('clients that leave while they wait take no place of those that stay', async () => {
  for (let i = 0; i < clients; i++) {
    const socket = connectBy('h2');
    setTimeout(() => socket.destroy(), Math.floor(i / 10));
  }
  assert.deepEqual(await callAtOnce([{ headers: {}, body: '{}' }]), [200]);
});
