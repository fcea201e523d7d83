import { ErrorInfo, LocalizedMessage, RetryInfo } from '../gen/google/rpc/error_details.ts';

/** How a call failed. Branch on `reason`, or on `code` where there is none: docs/mobile/errors-and-retries.md. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** Of gRPC, such as "UNAVAILABLE". */
  readonly code: string;
  /** Of docs/errors.md, or of a company's own, such as "TOKEN_EXPIRED"; empty: a library made the status. */
  readonly reason: string;
  /** What belongs to the reason, such as the offset at which an upload continues. */
  readonly metadata: ReadonlyMap<string, string>;
  /** How long the server asks to wait. Milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** For users, in the language of the call. */
  readonly shown: string | undefined;

  constructor(code: string, message: string, details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[] = [], cause?: unknown) {
    super(message, { cause });
    const detail = (type: string) => details.find(({ typeUrl }) => typeUrl === type || typeUrl.endsWith(`/${type}`))?.value;
    const [info, retry, localized] = ['ErrorInfo', 'RetryInfo', 'LocalizedMessage'].map((name) => detail(`google.rpc.${name}`));
    this.code = code;
    const { reason, metadata } = info === undefined ? { reason: '', metadata: new Map<string, string>() } : ErrorInfo.decode(info);
    this.reason = reason;
    this.metadata = metadata;
    const delay = retry === undefined ? undefined : RetryInfo.decode(retry).retryDelay;
    this.retryAfterMs = delay === undefined ? undefined : Number(delay.seconds) * 1_000 + Math.ceil(delay.nanos / 1_000_000);
    this.shown = localized === undefined ? undefined : LocalizedMessage.decode(localized).message;
  }
}

/** What any failure is as one of calls: what is none is a defect of this device's libraries. */
export function asCallError(error: unknown): CallError {
  return error instanceof CallError ? error : new CallError('UNKNOWN', error instanceof Error ? error.message : String(error), [], error);
}

/** A failure of this device, with a reason of the client's own: no server has sent it. */
export function ownError(code: string, reason: string, message: string, cause?: unknown): CallError {
  const info = ErrorInfo.encode({ reason, domain: 'client', metadata: new Map() }).finish();
  return new CallError(code, message, [{ typeUrl: 'google.rpc.ErrorInfo', value: info }], cause);
}
