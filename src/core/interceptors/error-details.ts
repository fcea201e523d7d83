import { Metadata } from 'nice-grpc-common';
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { clip } from '../kit/clip-text.ts';
import type { Fault, Violation } from '../kit/fault.ts';
import { statusCodes } from '../kit/reasons.ts';
import { StatusError, statusOf } from '../kit/status-error.ts';
import { messageBytesMax, metadataEntriesMax, metadataValueBytesMax, violationBytesMax, violationsMax } from './error-size-limits.ts';
import type { ErrorTable, Prepared } from './localized-error-table.ts';

/** The longest google.protobuf.Duration. Other delays, such as that of a time which has passed, are not sent. */
const retryAfterMsMax = 315_576_000_000_000;
/** AIP-193, "ErrorInfo". */
const metadataKey = /^[a-z][a-zA-Z0-9-_]{0,63}$/;

/**
 * @returns the status with its details: always ErrorInfo and RequestInfo, LocalizedMessage if there is a text,
 * BadRequest and RetryInfo if they apply
 */
export function encodeFault(
  fault: Fault<string>,
  { table, requestId, acceptLanguage = '' }: { readonly table: ErrorTable; readonly requestId: string; readonly acceptLanguage?: string },
): StatusError {
  const { violations, retryAfterMs, metadata, texts, passed } = fault.details;
  const prepare = () => prepared(fault, table, acceptLanguage);
  const isPlain = violations === undefined && retryAfterMs === undefined && metadata === undefined && texts === undefined;
  const { code, message, bytes } = isPlain ? table.plain(`${fault.reason}\n${acceptLanguage}\n${fault.message}`, prepare) : prepare();
  const trailers = Metadata(passed?.trailers).set('grpc-status-details-bin', withRequestId(bytes, requestId));
  return new StatusError(code, message, { trailers, ...(passed && { metadata: passed.metadata }), cause: fault });
}

function prepared(fault: Fault<string>, table: ErrorTable, acceptLanguage: string): Prepared {
  const { violations = [] } = fault.details;
  const code = statusCodes[statusOf(fault, table.reasons)];
  const listed = violationsToList(violations);
  const cut = violations.length > listed.length ? ` (${violations.length - listed.length} more violations are not listed)` : '';
  const message = clip(fault.message, messageBytesMax) + cut;
  const details = detailsOf(fault, table.domain, listed, table.localized(fault.reason, acceptLanguage, fault.details.texts));
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
  if (retryAfterMs !== undefined && retryAfterMs >= 0 && retryAfterMs <= retryAfterMsMax) {
    const retryDelay = { seconds: BigInt(Math.floor(retryAfterMs / 1_000)), nanos: Math.floor((retryAfterMs % 1_000) * 1_000_000) };
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
