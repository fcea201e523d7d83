import { ErrorInfo } from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { Fault } from '../kit/fault.ts';
import { type CoreReason, statusCodes } from '../kit/reasons.ts';
import type { ForwardPlan } from '../kit/plan.ts';
import { StatusError } from '../kit/status-error.ts';
import type { ReceivedMetadata, UpstreamEnd, UpstreamStatus } from '../ports/upstream-transport.ts';
import { faultOfUpstream } from './fault-of-upstream.ts';
import { fromUpstream } from './upstream-metadata.ts';

/**
 * The origin of an upstream call's deadline: the call that it is made for, or the upstream's own if that is earlier.
 */
export type Limit = 'call' | 'upstream';

/**
 * Codes of uncaught errors in libraries and frameworks: their texts come from databases and stacks, and are not meant
 * for a client.
 */
const ofNobody: Readonly<Record<number, CoreReason>> = {
  [statusCodes.UNKNOWN]: 'UPSTREAM_UNKNOWN',
  [statusCodes.INTERNAL]: 'UPSTREAM_INTERNAL',
  [statusCodes.DATA_LOSS]: 'UPSTREAM_DATA_LOSS',
  [statusCodes.UNAUTHENTICATED]: 'UPSTREAM_REFUSED', // it refers to the server's token, the only one that the upstream receives
};

/**
 * The error of a failed forwarded call. A status of the upstream passes with its code, text and details. Only the code
 * passes if the text is not meant for a client, which an ErrorInfo or the policy's `texts: PASS` would state. A failure
 * in transport becomes an error of this server.
 * @param headers undefined: none came
 * @param limit with `call`, a deadline that passed is the client's
 */
export function statusForClient(forward: ForwardPlan, end: UpstreamEnd, headers: ReceivedMetadata | undefined, limit: Limit): Fault | StatusError {
  const { upstream, answerMetadata, texts } = forward;
  if (end.by === 'transport') {
    // the server's own timer of the same deadline is about to fire: the client receives the same error from either
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
  const details = status && (texts === 'pass' ? end.details : withoutStacks(status, end.details));
  if (details !== undefined) passed.trailers.set('grpc-status-details-bin', details);
  return new StatusError(end.code, end.message, { ...passed, cause: end });
}

/** Drops details that other parsers would not read as a google.rpc.Status, or whose code contradicts the status. */
function decodedStatus({ code, details }: UpstreamStatus): Status | undefined {
  if (details === undefined) return undefined;
  try {
    const status = Status.decode(details);
    // parsers of proto3 refuse strings with invalid UTF-8, while this one inserts U+FFFD
    const texts = [status.message, ...status.details.map(({ typeUrl }) => typeUrl)];
    const isLossy = texts.some((text) => text.includes('\ufffd')) && !Buffer.from(details).includes('\ufffd');
    return isLossy || status.code !== code ? undefined : status;
  } catch {
    return undefined; // code and text remain without them
  }
}

/** Drops each DebugInfo: it holds stacks, which are not meant for a client beside any other detail. */
function withoutStacks(status: Status, encoded: Uint8Array | undefined): Uint8Array | undefined {
  const details = status.details.filter(({ typeUrl }) => !typeUrl.endsWith('/google.rpc.DebugInfo'));
  return details.length === status.details.length ? encoded : Status.encode({ ...status, details }).finish();
}

function isErrorInfo({ typeUrl, value }: Status['details'][number]): boolean {
  if (!typeUrl.endsWith('/google.rpc.ErrorInfo')) return false;
  try {
    return ErrorInfo.decode(value).reason !== '';
  } catch {
    return false; // it is undecodable
  }
}
