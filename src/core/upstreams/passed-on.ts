import { ErrorInfo } from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { type CoreReason, Fault, statusCodes } from '../kit/fault.ts';
import type { ForwardPlan } from '../kit/plan.ts';
import { StatusError } from '../kit/status-error.ts';
import type { ReceivedMetadata, UpstreamEnd, UpstreamStatus } from '../ports/upstream-transport.ts';
import { faultOfUpstream } from './fault-of-upstream.ts';
import { fromUpstream } from './metadata.ts';

/** Whose deadline a call to an upstream had: that of the call it is made for, or the upstream's own, where that is sooner. */
export type Limit = 'call' | 'upstream';

/** Codes that libraries and frameworks give to what nobody caught: their texts are of databases and stacks, and were not written for a client. */
const ofNobody: Readonly<Record<number, CoreReason>> = {
  [statusCodes.UNKNOWN]: 'UPSTREAM_UNKNOWN',
  [statusCodes.INTERNAL]: 'UPSTREAM_INTERNAL',
  [statusCodes.DATA_LOSS]: 'UPSTREAM_DATA_LOSS',
  [statusCodes.UNAUTHENTICATED]: 'UPSTREAM_REFUSED', // of our token: the upstream is given no other
};

/**
 * What a forwarded call that failed ends with. A status of the upstream passes with its code, text and details; where nobody wrote the text for a client, which an ErrorInfo or the
 * policy's `texts: PASS` would say, only the code does. What happened on the way becomes a refusal of ours.
 * @param headers undefined: none came
 * @param limit with `call`, a deadline that passed is the client's
 */
export function passedOn(forward: ForwardPlan, end: UpstreamEnd, headers: ReceivedMetadata | undefined, limit: Limit): Fault | StatusError {
  const { upstream, answerMetadata, texts } = forward;
  if (end.by === 'transport') {
    // our own timer of the same deadline is about to fire: whichever is first, the client gets the same
    if (end.cause === 'timeout' && limit === 'call') return new Fault('DEADLINE_EXCEEDED', 'The call was not answered in time.', { cause: end });
    return faultOfUpstream(upstream, end);
  }
  const passed = { metadata: fromUpstream(headers, answerMetadata), trailers: fromUpstream(end.trailers, answerMetadata) };
  const status = decodedStatus(end);
  const reason = ofNobody[end.code];
  if (reason !== undefined && texts !== 'pass' && !status?.details.some(isErrorInfo)) {
    const message = reason === 'UPSTREAM_REFUSED' ? `The internal service ${upstream} refused the call.` : `The internal service ${upstream} failed.`;
    return new Fault(reason, message, { metadata: { upstream }, cause: end, passed });
  }
  if (status !== undefined && end.details !== undefined) passed.trailers.set('grpc-status-details-bin', end.details);
  return new StatusError(end.code, end.message, { ...passed, cause: end });
}

/** Details that are no google.rpc.Status, as other parsers read it, are none. */
function decodedStatus({ details }: UpstreamStatus): Status | undefined {
  if (details === undefined) return undefined;
  try {
    const status = Status.decode(details);
    // parsers of proto3 refuse strings that are no UTF-8, where this one puts U+FFFD
    const texts = [status.message, ...status.details.map(({ typeUrl }) => typeUrl)];
    const isLossy = texts.some((text) => text.includes('\ufffd')) && !Buffer.from(details).includes('\ufffd');
    return isLossy ? undefined : status;
  } catch {
    return undefined; // code and text stand without them
  }
}

function isErrorInfo({ typeUrl, value }: Status['details'][number]): boolean {
  if (!typeUrl.endsWith('/google.rpc.ErrorInfo')) return false;
  try {
    return ErrorInfo.decode(value).reason !== '';
  } catch {
    return false; // it says nothing
  }
}
