// Clients that come all at once wait for their turns: none is lost, whatever it has sent meanwhile.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
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

/** Opens a connection and sends all calls with its first bytes. @returns the statuses */
async function callAtOnce(calls: readonly { readonly headers: Readonly<Record<string, string>>; readonly body: string }[]) {
  const session = connect(server.url, { ca: server.ca });
  session.on('error', () => {});
  const statuses = calls.map(
    ({ headers, body }) =>
      new Promise<number | undefined>((resolve) => {
        const stream = session.request({ ...echo, ...headers });
        let status: number | undefined;
        stream.on('response', (answer) => {
          status = answer[':status'];
        });
        stream.on('error', () => {});
        stream.on('close', () => resolve(status)).resume();
        stream.end(body);
      }),
  );
  try {
    return await Promise.all(statuses);
  } finally {
    session.destroy();
  }
}

test('HTTP/2: each is answered, also with more in its first bytes than one buffer holds', async () => {
  const padding = () => randomBytes(1_500).toString('hex'); // HPACK would index what repeats
  const small = () => Array.from({ length: 40 }, () => ({ headers: { 'x-padding': padding() }, body: '{}' }));
  const large = [{ headers: {}, body: `{}${' '.repeat(60_000)}` }];
  const all = await Promise.all(Array.from({ length: clients }, (_, i) => callAtOnce(i % 10 === 0 ? [...large, ...small()] : large)));
  assert.deepEqual([...new Set(all.flat())], [200]);
});

test('HTTP/1.1: each is answered', async () => {
  const call = `POST ${echo[':path']} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  const calls = 20;
  const answered = Array.from({ length: clients }, async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connectTls({ host: hostname, port: Number(port), ca: server.ca, servername: hostname, ALPNProtocols: ['http/1.1'] });
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('error', () => {});
    socket.write(call.repeat(calls));
    await until('all are answered', () => text.split('HTTP/1.1 200').length === calls + 1);
    socket.destroy();
  });
  await Promise.all(answered);
});

test('clients that leave while they wait take no place of those that stay', async () => {
  const { hostname, port } = new URL(server.url);
  for (let i = 0; i < clients; i++) {
    const socket = connectTls({ host: hostname, port: Number(port), ca: server.ca, servername: hostname, ALPNProtocols: ['h2'] });
    socket.on('error', () => {});
    setTimeout(() => socket.destroy(), Math.floor(i / 10));
  }
  assert.deepEqual(await callAtOnce([{ headers: {}, body: '{}' }]), [200]);
});

test('HTTP/1.1: calls behind others are all answered, however many one flight has', async () => {
  const { hostname, port } = new URL(server.url);
  const call = `POST ${echo[':path']} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  const socket = connectTls({ host: hostname, port: Number(port), ca: server.ca, servername: hostname, ALPNProtocols: ['http/1.1'] });
  let answers = 0;
  let rest = '';
  socket.on('data', (bytes) => {
    const parts = (rest + bytes).split('HTTP/1.1 ');
    answers += parts.length - 1;
    rest = (parts.at(-1) ?? '').slice(-12);
  });
  socket.on('error', () => {});
  const gets = 'GET /absent HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(900);
  socket.write(call + gets);
  await until('all are answered', () => answers >= 901);
  socket.destroy();
});
