import type { Registry } from '@bufbuild/protobuf';
import { unreadable } from '../../core/kit/request-message.ts';
import { soonThen } from '../../core/kit/soon.ts';
import type { Codec } from './codec.ts';
import { ConnectUnaryReply } from './connect-unary.ts';
import { decompress, encodingOf } from './compression.ts';
import { OneRequest } from './one-request.ts';
import type { Protocol } from './protocol.ts';
import { tooLarge } from './request-faults.ts';

/**
 * Unary calls with the message in the URL (Connect protocol, "Unary-Get-Request"), so that HTTP caches can store
 * answers.
 */
export function connectGet(codec: Codec, registry: Registry): Protocol {
  return {
    name: 'connect',
    carries: (kind) => kind === 'unary',
    reply: (exchange) => new ConnectUnaryReply(exchange, codec, registry),
    request: ({ query }, { requestBytes: bytesMax, descriptor: { input } }) =>
      new OneRequest({
        input: undefined,
        bodyBytesMax: 0,
        bytesMax,
        read: () => {
          const parameters = new URLSearchParams(query);
          const encoding = encodingOf(parameters.get('compression') ?? undefined);
          const message = parameters.get('message') ?? '';
          if (parameters.get('base64') === '1' && !/^[\w+/-]*={0,2}$/.test(message)) throw unreadable(input);
          const raw = Buffer.from(message, parameters.get('base64') === '1' ? 'base64' : 'utf8');
          if (raw.byteLength > bytesMax) throw tooLarge(bytesMax);
          return soonThen(encoding === undefined ? raw : decompress(encoding, raw, bytesMax), (bytes) => codec.read(input, bytes));
        },
      }),
  };
}
