import type { Base64Chunks } from '../../core/kit/base64.ts';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import { soonThen } from '../../core/kit/soon.ts';
import type { CallRequest } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import type { Codec } from './codec.ts';
import { encodingOf, messageOf } from './decompress-request.ts';
import { type Frame, headBytes, nextFrame, onlyFrame } from './length-prefixed-messages.ts';
import { takesStream } from './protocol.ts';
import { cutShort } from './request-body-faults.ts';
import { ManyRequests } from './request-stream.ts';
import { OneRequest } from './unary-request.ts';

export type FramedForm = {
  readonly codec: Codec;
  /** The header with the compression of messages. */
  readonly encodingHeader: 'grpc-encoding' | 'connect-content-encoding';
  /** The body is base64: gRPC-Web's text form. */
  readonly text?: () => Base64Chunks;
};

/** A body of framed messages, in gRPC, gRPC-Web and Connect's streams. */
export function framedRequest({ input, headers }: Exchange, plan: MethodPlan, { codec, encodingHeader, text }: FramedForm): CallRequest {
  const { requestBytes: bytesMax, descriptor } = plan;
  const encoding = () => encodingOf(headers[encodingHeader]);
  const read = (frame: Frame) => soonThen(messageOf(frame, encoding, bytesMax), (raw) => codec.read(descriptor.input, raw));
  if (takesStream(plan)) return new ManyRequests({ input, next: (arrived) => nextFrame(arrived, bytesMax), read, ...(text && { text: text() }) });
  return new OneRequest({
    input,
    bodyBytesMax: text === undefined ? headBytes + bytesMax : Math.ceil(((headBytes + bytesMax) * 4) / 3) + 4,
    bytesMax,
    read: (body) => read(onlyFrame(text === undefined ? body : decoded(text(), body), bytesMax)),
  });
}

function decoded(text: Base64Chunks, body: Buffer): Buffer {
  const bytes = text.decode(body);
  if (!text.isWhole()) throw cutShort();
  return bytes;
}
