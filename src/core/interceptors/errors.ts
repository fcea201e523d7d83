import { Metadata } from 'nice-grpc-common';
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { reasons as coreReasons, Fault, type StatusName, statusCodes, type Violation } from '../kit/fault.ts';
import { remembered } from '../kit/remembered.ts';
import { settled } from '../kit/soon.ts';
import { StatusError } from '../kit/status-error.ts';
import { statusOf } from '../kit/status-of.ts';
import { clip } from '../kit/text.ts';
import type { Call, Ending, Interceptor, Traced } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import { localize, type Messages } from './localize.ts';
import { en } from './messages/en.ts';
import { refused } from './refused.ts';
import { tapped } from './tap.ts';

export type ErrorTable = {
  /** ErrorInfo.domain: globally unique, of the service that answers (AIP-193). */
  readonly domain: string;
  /** The reasons of core and of the company with their gRPC status. */
  readonly reasons: Readonly<Record<string, StatusName>>;
  /** The encoded google.rpc.LocalizedMessage of a reason for users, if it has a text. */
  readonly localized: (reason: string, acceptLanguage: string) => Uint8Array | undefined;
  /** Statuses by all that they hold: a stranger may cause any number of refusals. */
  readonly plain: (name: string, make: () => Prepared) => Prepared;
};

/** A status but for what differs from call to call. */
type Prepared = { readonly code: number; readonly message: string; readonly bytes: Uint8Array };

/**
 * Headers carry message and details, and many clients accept 8 KiB of headers in total. Each is therefore bounded in
 * bytes of UTF-8, and cut by code point. Violations beyond these bounds are omitted, and the message states their
 * number.
 */
const messageBytesMax = 1_024;
const metadataValueBytesMax = 256;
const metadataEntriesMax = 8;
const violationsMax = 20;
const violationBytesMax = 2_000;
/** Encoded statuses and texts that are kept, and the longest name of one in characters: within 500 KB. */
const keptMax = 200;
const keptNameMax = 400;
/** AIP-193, "ErrorInfo". */
const metadataKey = /^[a-z][a-zA-Z0-9-_]{0,63}$/;

/**
 * Joins core's reasons and messages with the company's.
 * @param team messages are by locale ("en", "de") and reason; English has one for every reason of core
 * @throws Error when a reason of the company has the name of one of core's
 */
export function errorTable(
  domain: string,
  team: { readonly reasons?: Readonly<Record<string, StatusName>>; readonly messages?: Readonly<Record<string, Messages>> } = {},
): ErrorTable {
  for (const reason of Object.keys(team.reasons ?? {})) {
    if (Object.hasOwn(coreReasons, reason)) throw new Error(`The reason ${reason} is one of core's: give yours another name.`);
  }
  const locales = { ...team.messages, en: { ...team.messages?.en, ...en } };
  const localized = (reason: string, acceptLanguage: string) => localize(locales, reason, acceptLanguage);
  return { domain, reasons: { ...team.reasons, ...coreReasons }, localized, plain: remembered(keptMax, keptNameMax) };
}

/**
 * Converts every error, thrown or not, to a gRPC status with google.rpc details, which is not thrown. A status that an
 * upstream sent to a forwarded call passes unchanged.
 */
export function errors(table: ErrorTable, log: Log): Interceptor<Traced, unknown> {
  return function errors(call, next) {
    const toStatus = (error: unknown) => statusErrorOf(error, call, table, log);
    const mapped = (ending: Ending): Ending => (ending.how === 'threw' ? { how: 'threw', error: toStatus(ending.error) } : ending);
    return settled(
      () => next(call),
      (answer) => {
        if (answer.refused !== undefined) return refused(toStatus(answer.refused));
        return answer.body instanceof Uint8Array ? answer : { ...answer, body: tapped(answer.body, { ended: mapped }) };
      },
      (error) => refused(toStatus(error)),
    );
  };
}

/**
 * @returns the status of an error in a call. An error that is not meant for the app is logged in full and becomes
 * INTERNAL
 */
export function statusErrorOf(error: unknown, call: Pick<Call, 'signal' | 'metadata' | 'plan'> & Traced, table: ErrorTable, log: Log): StatusError {
  if (error instanceof StatusError) return error;
  const fault = error instanceof Fault ? error : faultOf(error, call.signal);
  if (fault.reason === 'INTERNAL') {
    log.error('A call failed by a defect.', { method: call.plan.method, trace_id: call.trace.traceId, error: fault.cause ?? fault });
  }
  return encodeFault(fault, { table, requestId: call.trace.traceId, acceptLanguage: String(call.metadata.get('accept-language') ?? '') });
}

/** The reason of an aborted signal replaces errors that it caused. Any other error is a defect of the server. */
function faultOf(error: unknown, signal: AbortSignal): Fault<string> {
  if (signal.aborted) {
    if (signal.reason instanceof Fault) return signal.reason;
    return new Fault('CALL_CANCELLED', 'The client cancelled the call.', { cause: error });
  }
  return new Fault('INTERNAL', 'The call failed by a defect of the server; its log has the cause under the request id.', { cause: error });
}

/**
 * @returns the status with its details: always ErrorInfo and RequestInfo, LocalizedMessage if there is a text,
 * BadRequest and RetryInfo if they apply
 */
export function encodeFault(
  fault: Fault<string>,
  { table, requestId, acceptLanguage = '' }: { readonly table: ErrorTable; readonly requestId: string; readonly acceptLanguage?: string },
): StatusError {
  const { violations, retryAfterMs, metadata, passed } = fault.details;
  const prepare = () => prepared(fault, table, acceptLanguage);
  const isPlain = violations === undefined && retryAfterMs === undefined && metadata === undefined;
  const { code, message, bytes } = isPlain ? table.plain(`${fault.reason} ${acceptLanguage} ${fault.message}`, prepare) : prepare();
  const trailers = Metadata(passed?.trailers).set('grpc-status-details-bin', withRequestId(bytes, requestId));
  return new StatusError(code, message, { trailers, ...(passed && { metadata: passed.metadata }), cause: fault });
}

function prepared(fault: Fault<string>, table: ErrorTable, acceptLanguage: string): Prepared {
  const { violations = [] } = fault.details;
  const code = statusCodes[statusOf(fault, table.reasons)];
  const listed = violationsToList(violations);
  const cut = violations.length > listed.length ? ` (${violations.length - listed.length} more violations are not listed)` : '';
  const message = clip(fault.message, messageBytesMax) + cut;
  const details = detailsOf(fault, table.domain, listed, table.localized(fault.reason, acceptLanguage));
  return { code, message, bytes: Status.encode({ code, message, details }).finish() };
}

/** A status with nothing but a RequestInfo. */
function requestInfo(requestId: string): Uint8Array {
  const value = RequestInfo.encode({ requestId, servingData: '' }).finish();
  return Status.encode({ code: 0, message: '', details: [any('google.rpc.RequestInfo', value)] }).finish();
}

/** A trace id: its digits are the last bytes of the RequestInfo. Replacing them costs a tenth of encoding it. */
const traceIdFormat = /^[0-9a-f]{32}$/;
const ofTrace = requestInfo('0'.repeat(32));

/** The status with one more detail: protobuf merges messages in a row. */
function withRequestId(status: Uint8Array, requestId: string): Buffer {
  if (!traceIdFormat.test(requestId)) return Buffer.concat([status, requestInfo(requestId)]);
  const bytes = Buffer.concat([status, ofTrace]);
  bytes.write(requestId, bytes.length - requestId.length, 'latin1');
  return bytes;
}

function detailsOf(fault: Fault<string>, domain: string, listed: readonly Violation[], localized: Uint8Array | undefined): Status['details'] {
  const { retryAfterMs } = fault.details;
  const details = [any('google.rpc.ErrorInfo', ErrorInfo.encode({ reason: fault.reason, domain, metadata: metadataOf(fault) }).finish())];
  if (listed.length > 0) {
    const fieldViolations = listed.map(({ field, rule, description }) => ({
      field,
      description,
      reason: reasonOfRule(rule),
      localizedMessage: undefined,
    }));
    details.push(any('google.rpc.BadRequest', BadRequest.encode({ fieldViolations }).finish()));
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = { seconds: BigInt(Math.floor(retryAfterMs / 1_000)), nanos: Math.round((retryAfterMs % 1_000) * 1_000_000) };
    details.push(any('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay }).finish()));
  }
  if (localized !== undefined) details.push(any('google.rpc.LocalizedMessage', localized));
  return details;
}

function metadataOf({ details: { metadata = {} } }: Fault<string>): Map<string, string> {
  const named = Object.entries(metadata).filter(([key]) => metadataKey.test(key));
  return new Map(named.slice(0, metadataEntriesMax).map(([key, value]) => [key, clip(value, metadataValueBytesMax)]));
}

function violationsToList(violations: readonly Violation[]): readonly Violation[] {
  let bytes = 0;
  return violations.slice(0, violationsMax).filter(({ field, rule, description }) => {
    for (const text of [field, rule, description]) bytes += Buffer.byteLength(text);
    return bytes <= violationBytesMax;
  });
}

function any(type: string, value: Uint8Array) {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
}

/** FieldViolation.reason is UPPER_SNAKE as ErrorInfo's is: "string.min_len" becomes "STRING_MIN_LEN". */
function reasonOfRule(rule: string): string {
  return rule
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .slice(0, 63);
}
