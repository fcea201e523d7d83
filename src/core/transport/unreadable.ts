import type { DescMessage, Registry } from '@bufbuild/protobuf';
import { encodeBinaryHeader } from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { Fault } from '../kit/fault.ts';
import type { StatusError } from '../kit/status-error.ts';
import { percentEncode } from '../kit/text.ts';
import { requestBytesMax } from './grpc-edge.ts';
import { connectError, detailsOf, endOfStream, envelope } from './refusal.ts';

/** A request that is not the message it should be. The router's own text is not told, because it quotes values, and a value may be a secret. */
export function unreadable({ typeName }: DescMessage, cause?: unknown): Fault {
  return new Fault('CALL_MALFORMED', `The request is not a ${typeName}: it cannot be decoded.`, { metadata: { type: typeName }, cause });
}

export function tooLarge(): Fault {
  return new Fault('REQUEST_TOO_LARGE', `The request is larger than ${requestBytesMax} bytes.`, { metadata: { bytesMax: String(requestBytesMax) } });
}

/**
 * Connect's router decodes requests before any code of ours runs, and answers what it cannot read without details: here they are added.
 * @param response what it answered to a call that never got to us
 */
export async function withDetails(
  input: DescMessage,
  response: UniversalServerResponse,
  refuse: (fault: Fault) => StatusError,
  registry: Registry,
): Promise<UniversalServerResponse> {
  const contentType = response.header?.get('content-type') ?? '';
  if (response.status >= 400) {
    if (contentType !== 'application/json' || response.status === 501) return response; // no method of this content type or verb, or no such encoding: said by the status
    const { status, body } = connectError(refuse(response.status === 429 ? tooLarge() : unreadable(input)), registry);
    for (const key of ['content-length', 'content-encoding']) response.header?.delete(key);
    return { ...response, status, body: only(Buffer.from(body)) };
  }
  const said = await bytesOf(response.body ?? []);
  const isWeb = contentType.startsWith('application/grpc-web');
  const [, code = ''] = (isWeb ? /grpc-status: ?(\d+)/ : /"code":"(\w+)"/).exec(said.toString('latin1')) ?? [];
  if (['1', '12', 'canceled', 'unimplemented', ''].includes(code)) return { ...response, body: only(said) };
  const refused = refuse(code === '8' || code === 'resource_exhausted' ? tooLarge() : unreadable(input));
  return { ...response, body: only(isWeb ? webTrailers(refused) : endOfStream(connectError(refused, registry).body)) };
}

/** gRPC-Web, "Message framing": trailers are a message with the highest bit set. */
function webTrailers({ code, message, trailers }: StatusError): Buffer {
  const details = encodeBinaryHeader(detailsOf(trailers));
  return envelope(128, `grpc-status: ${code}\r\ngrpc-message: ${percentEncode(message)}\r\ngrpc-status-details-bin: ${details}\r\n`);
}

async function bytesOf(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
