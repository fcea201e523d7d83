import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Fault, ruleBroken } from '../../../core/kit/fault.ts';
import type { MethodPlan } from '../../../core/kit/method-plan.ts';
import { RequestMessage } from '../../../core/kit/request-message.ts';
import type { CallRequest } from '../../../core/ports/call.ts';
import { UploadRequest, type UploadStart } from '../../../gen/portico/v1/media.ts';
import type { Exchange } from '../../exchange.ts';
import type { ArrivedBytes } from '../receive-buffer.ts';
import { ManyRequests } from '../request-stream.ts';

const place = /^\/media\/([0-9A-Fa-f-]{36})$/;

/** The body of PUT as the messages of an upload: what its URL and headers announce, then its bytes as they come. */
export function uploadedContent(exchange: Exchange, { descriptor: { input } }: MethodPlan): CallRequest {
  let start: Uint8Array | undefined = UploadRequest.encode({ message: { $case: 'start', value: startOf(exchange) } }).finish();
  const next = (arrived: ArrivedBytes) => {
    const first = start;
    start = undefined;
    if (first === undefined && arrived.length === 0) return undefined;
    return { flags: 0, bytes: first === undefined ? chunkOf(arrived) : Buffer.from(first) };
  };
  return new ManyRequests({ input: exchange.input, next, byTurns: true, read: ({ bytes }) => new RequestMessage(input, bytes) });
}

/** All that has arrived as an UploadRequest with `chunk`, field 2. It is copied once; an encoder would do it twice. */
function chunkOf(arrived: ArrivedBytes): Buffer {
  arrived.unshift(Buffer.from(new BinaryWriter().tag(2, WireType.LengthDelimited).uint32(arrived.length).finish()));
  return arrived.take(arrived.length);
}

/** @throws Fault REQUEST_INVALID, ENCODING_UNKNOWN */
function startOf(exchange: Exchange): UploadStart {
  const { headers, query } = exchange;
  const said = new URLSearchParams(query);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new Fault('ENCODING_UNKNOWN', 'A content is uploaded as it is, not compressed.', { metadata: { encoding: 'identity' } });
  const sha256 = said.get('sha256') ?? '';
  if (!/^[0-9A-Fa-f]{64}$/.test(sha256)) throw ruleBroken('sha256', 'is the SHA-256 of the content in 64 hexadecimal digits, a parameter of the URL');
  const { offset, size } = placeOf(headers['content-range'], headers['content-length'] ?? said.get('size') ?? '');
  return {
    attachmentId: attachmentIdIn(exchange.path) ?? '',
    conversationId: said.get('conversation') ?? '',
    sizeBytes: size,
    sha256: Buffer.from(sha256, 'hex'),
    offset,
    name: said.get('name') ?? '',
  };
}

/** Digits of a size: more are not exact numbers. */
const digits = /^\d{1,15}$/;

/** A part of a content has its place in `content-range` (RFC 9110, section 14.5). */
function placeOf(range: string | undefined, length: string): { readonly offset: bigint; readonly size: bigint } {
  if (range === undefined) {
    if (!digits.test(length)) throw ruleBroken('content-length', 'is needed, or `size` in the URL');
    return { offset: 0n, size: BigInt(length) };
  }
  const [, offset = '', size = ''] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(range) ?? [];
  if (size === '') throw ruleBroken('content-range', 'is such as "bytes 1000-4999/5000"');
  return { offset: BigInt(offset), size: BigInt(size) };
}

/** The attachment of a path such as "/media/…". @returns undefined: it is none of one */
export function attachmentIdIn(path: string): string | undefined {
  return place.exec(path)?.[1];
}
