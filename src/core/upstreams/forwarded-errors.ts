import {
  BadRequest,
  ErrorInfo,
  Help,
  LocalizedMessage,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { Fault } from '../kit/fault.ts';
import type { ForwardPlan } from '../kit/method-plan.ts';
import { type CoreReason, statusCodes } from '../kit/reasons.ts';
import { StatusError } from '../kit/status-error.ts';
import type { ReceivedMetadata, UpstreamEnd, UpstreamStatus } from '../ports/upstream-transport.ts';
import { faultOfUpstream } from './http-and-transport-failures.ts';
import { fromUpstream } from './metadata-from-upstreams.ts';

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
  const details = status && (texts === 'pass' ? end.details : forClients(status, end.details));
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

/**
 * Drops each DebugInfo, which holds stacks that are not meant for a client beside any other detail, and each detail
 * that cannot be decoded: a client that reads it may lose the whole status.
 */
function forClients(status: Status, encoded: Uint8Array | undefined): Uint8Array | undefined {
  const details = status.details.filter((detail) => nameOf(detail) !== 'google.rpc.DebugInfo' && isReadable(detail));
  return details.length === status.details.length ? encoded : Status.encode({ ...status, details }).finish();
}

type Detail = Status['details'][number];

/** With or without a host before it: clients read either. */
function nameOf({ typeUrl }: Detail): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

/** Details of other types are known to the client alone. */
const readable: Readonly<Record<string, { decode(bytes: Uint8Array): unknown }>> = {
  'google.rpc.BadRequest': BadRequest,
  'google.rpc.ErrorInfo': ErrorInfo,
  'google.rpc.Help': Help,
  'google.rpc.LocalizedMessage': LocalizedMessage,
  'google.rpc.PreconditionFailure': PreconditionFailure,
  'google.rpc.QuotaFailure': QuotaFailure,
  'google.rpc.RequestInfo': RequestInfo,
  'google.rpc.ResourceInfo': ResourceInfo,
  'google.rpc.RetryInfo': RetryInfo,
};

function isReadable(detail: Detail): boolean {
  const name = nameOf(detail);
  if (!Object.hasOwn(readable, name)) return true;
  try {
    readable[name]?.decode(detail.value);
    return true;
  } catch {
    return false; // it is undecodable
  }
}

function isErrorInfo(detail: Detail): boolean {
  return nameOf(detail) === 'google.rpc.ErrorInfo' && isReadable(detail) && ErrorInfo.decode(detail.value).reason !== '';
}
