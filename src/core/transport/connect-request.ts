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
    return { ...read, body: closedWithAnswer(read.body as AsyncIterable<Uint8Array>, response) };
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', 'Host and path of the request make no URL.', { cause });
  }
}

/**
 * The router closes a request that it cannot read, and its signal then says that the client has left; but the client waits to be told what was wrong. So it is closed when its answer has
 * gone.
 */
function closedWithAnswer(body: AsyncIterable<Uint8Array>, response: NodeServerResponse): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]();
      const close = () => void inner.return?.().catch(() => {});
      return {
        next: () => inner.next(),
        return: async () => {
          for (const event of ['finish', 'close']) (response as NodeJS.EventEmitter).once(event, close);
          return { done: true, value: undefined };
        },
      };
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
