import type { ServerHttp2Stream } from 'node:http2';
import type { ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import { Fault } from '../kit/fault.ts';
import type { NodeServerRequest, NodeServerResponse } from './connect-edge.ts';

/**
 * A request as Connect's router takes it.
 * @throws Fault CALL_MALFORMED when Host and path make no URL
 */
export function universalRequest(request: NodeServerRequest, response: NodeServerResponse, values: ContextValues): UniversalServerRequest {
  if ('stream' in request) letGoAfter(request.stream);
  try {
    const read = universalRequestFromNodeRequest(request, response, undefined, values);
    return { ...read, body: leftOpen(read.body as AsyncIterable<Uint8Array>) };
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', 'Host and path of the request make no URL.', { cause });
  }
}

/** The router closes a request that it cannot read, so that its signal says the phone has left; but the phone waits to be told what was wrong. */
function leftOpen(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]();
      return { next: () => inner.next() };
    },
  };
}

/**
 * What is left of a request that was refused before it was read to its end is read and forgotten: its reader is gone and has left the stream paused, so that it would stay
 * open, and count, for as long as the session. HTTP/1.1 does so itself.
 */
function letGoAfter(stream: ServerHttp2Stream): void {
  stream.once('finish', () => {
    if (stream.readableEnded) return;
    stream.removeAllListeners('data'); // the reader's: each would pause it again
    stream.resume();
  });
}
