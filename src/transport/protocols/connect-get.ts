import type { Registry } from '@bufbuild/protobuf';
import { isBase64 } from '../../core/kit/base64.ts';
import { Fault } from '../../core/kit/fault.ts';
import { unreadable } from '../../core/kit/request-message.ts';
import { soonThen } from '../../core/kit/soon.ts';
import type { Codec } from './codec.ts';
import { ConnectUnaryReply } from './connect-unary.ts';
import { decompress, encodingOf } from './decompress-request.ts';
import type { Protocol } from './protocol.ts';
import { tooLarge } from './request-body-faults.ts';
import { OneRequest } from './unary-request.ts';

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
          const { message, base64, compression } = parametersOf(query);
          if (message === undefined) throw unreadable(input);
          const encoding = encodingOf(compression?.toString());
          const text = base64?.toString() === '1' ? message.toString('latin1') : undefined;
          if (text !== undefined && !isBase64(text)) throw unreadable(input);
          const raw = text === undefined ? message : Buffer.from(text, 'base64');
          if (raw.byteLength > bytesMax) throw tooLarge(bytesMax);
          return soonThen(encoding === undefined ? raw : decompress(encoding, raw, bytesMax), (bytes) => codec.read(input, bytes));
        },
      }),
  };
}

const names = ['connect', 'encoding', 'base64', 'compression', 'message'] as const;
type Parameters = Partial<Record<(typeof names)[number], Buffer>>;

/**
 * The parameters of the protocol as bytes: URLSearchParams replaces what is not UTF-8.
 * @throws Fault CALL_MALFORMED when one occurs twice, of which a cache on the way may take the other
 */
function parametersOf(query: string): Parameters {
  const found: Parameters = {};
  for (const pair of query.split('&')) {
    const [name = ''] = pair.split('=', 1);
    const written = name.includes('%') ? unescaped(name).toString() : name;
    const known = names.find((one) => one === written);
    if (known === undefined) continue;
    if (found[known] !== undefined)
      throw new Fault('CALL_MALFORMED', `The URL has the parameter ${known} twice.`, { metadata: { parameter: known } });
    found[known] = unescaped(pair.slice(name.length + 1).replaceAll('+', ' '));
  }
  return found;
}

/** Percent-encoding (RFC 3986, section 2.1) as the bytes that were encoded. */
function unescaped(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
