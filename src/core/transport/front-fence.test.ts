import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { createRegistry } from '@bufbuild/protobuf';
import { systemClock } from '../../wire/system-clock.ts';
import { StatusError } from '../kit/status-error.ts';
import type { NodeServerRequest, NodeServerResponse } from './connect-edge.ts';
import { openFront } from './front.ts';
import type { FrontOptions } from './front-options.ts';

/** A front whose edges throw in the event of a stream when its path says so, and answer others. */
async function openThrowing() {
  const defects: unknown[] = [];
  const boom = (path: string, event: string) => {
    if (path === `/${event}`) throw new URIError(path);
  };
  const grpc: FrontOptions['grpc'] = {
    session: () => {},
    take: (stream, headers) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('data', () => boom(`${headers[':path']}`, 'data'));
      stream.on('end', () => stream.end());
      stream.on('wantTrailers', () => {
        boom(`${headers[':path']}`, 'wantTrailers');
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      return () => {};
    },
  };
  const front = await openFront({
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    grpc,
    connect: (asked: NodeServerRequest, response: NodeServerResponse) => {
      (asked as NodeJS.EventEmitter).on('data', () => boom(asked.url ?? '', 'data'));
      (asked as NodeJS.EventEmitter).on('end', () => {
        response.writeHead(200, {});
        response.end();
      });
      return true;
    },
    knows: () => true,
    takesOne: () => true,
    pages: {},
    corsOrigins: [],
    refusal: () => new StatusError(13, 'refused'),
    registry: createRegistry(),
    clock: systemClock,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    reportDefect: (where, error) => defects.push([where, (error as Error).name]),
  });
  return { defects, url: `http://127.0.0.1:${front.port}`, [Symbol.asyncDispose]: () => front.close() };
}

for (const [contentType, event] of [
  ['application/grpc', 'data'],
  ['application/grpc', 'wantTrailers'],
  ['application/json', 'data'],
]) {
  test(`HTTP/2, ${contentType}: an exception in ${event} of one stream ends that stream, and no other notices`, async () => {
    await using server = await openThrowing();
    const { defects, url } = server;
    const session = connect(url);
    const open = (path: string) => session.request({ ':method': 'POST', ':path': path, 'content-type': contentType }, { endStream: false });
    const other = open('/stays');
    const answered = once(other, 'response');
    other.write('a');
    const thrown = open(`/${event}`);
    thrown.on('error', () => {});
    thrown.resume().end('a');
    await new Promise((resolve) => thrown.on('close', resolve));
    assert.notEqual(thrown.rstCode, 0);
    other.end('b');
    const [headers] = await answered;
    other.resume();
    await once(other, 'close');
    assert.deepEqual([headers[':status'], other.rstCode, defects], [200, 0, [['stream', 'URIError']]]);
    session.destroy();
  });
}

test('HTTP/1.1: an exception in the event of one request ends that request, and no other notices', async () => {
  await using server = await openThrowing();
  const { defects, url } = server;
  const ask = async (path: string) => {
    const asked = request(url + path, { method: 'POST', agent: false });
    asked.end('a');
    const [answer] = await once(asked, 'response');
    answer.resume();
    return answer.statusCode;
  };
  await assert.rejects(ask('/data'));
  assert.deepEqual([await ask('/stays'), defects], [200, [['stream', 'URIError']]]);
});
