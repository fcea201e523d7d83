import { Fault } from '../kit/fault.ts';
import { metadataBytes, metadataWithin, ownHeadersBytes } from '../kit/metadata-bytes.ts';
import type { MethodPlan } from '../kit/method-plan.ts';
import { soonThen } from '../kit/soon.ts';
import type { Answer, Handler } from '../ports/call.ts';

/**
 * Bounds the metadata of a handler's answers: of an internal service as much is passed on as fits; a handler's own that
 * does not fit is an error of the handler. The edge bounds the trailers of streams, which are complete at their end.
 */
export function boundedMetadata(plan: Pick<MethodPlan, 'forward'>, handler: Handler, bytesMax: number): Handler {
  const most = bytesMax - ownHeadersBytes;
  const bounded = (answer: Answer): Answer => {
    const bytes = metadataBytes(answer.metadata) + metadataBytes(answer.trailers);
    if (bytes <= most) return answer;
    if (plan.forward === undefined) throw metadataTooLarge(bytes, most);
    const metadata = metadataWithin(answer.metadata, most);
    const trailers = answer.body instanceof Uint8Array ? metadataWithin(answer.trailers, most - metadataBytes(metadata)) : answer.trailers;
    return { ...answer, metadata, trailers };
  };
  return (call) => soonThen(handler(call), bounded);
}

export function metadataTooLarge(bytes: number, bytesMax: number): Fault {
  return new Fault('METADATA_TOO_LARGE', `The metadata of the answer takes ${bytes} bytes: at most ${bytesMax} are allowed.`, {
    metadata: { bytes: String(bytes), bytesMax: String(bytesMax) },
  });
}
