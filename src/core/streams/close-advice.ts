import { Advice } from '../../gen/portico/v1/stream.ts';
import { Fault } from '../kit/fault.ts';
import { type CoreReason, type StatusName, statusCodes } from '../kit/reasons.ts';
import { StatusError } from '../kit/status-error.ts';

/** Why a stream, a subscription or a watch is closed, and what its client is to do. */
export type Close = {
  /** Of the table of reasons, or of a company's own. */
  readonly reason: string;
  /** For developers. */
  readonly message: string;
  readonly advice: Advice;
  /** How long the client waits before. Whole milliseconds. */
  readonly delayMs: number;
};

/** The advice of reasons; for others it is `ADVICE_STAY_AWAY`, because the same request would be refused again. */
const advices: Readonly<Partial<Record<CoreReason, readonly [advice: Advice, delayMs: number]>>> = {
  DRAINING: [Advice.ADVICE_RESUME, 0],
  MAINTENANCE: [Advice.ADVICE_RESUME, 60_000],
  STREAM_IDLE: [Advice.ADVICE_RESUME, 0],
  STREAM_SLOW: [Advice.ADVICE_RESUME, 1_000],
  STREAMS_TOO_MANY: [Advice.ADVICE_RESUME, 60_000],
  MESSAGES_TOO_MANY: [Advice.ADVICE_RESUME, 10_000],
  STORE_DOWN: [Advice.ADVICE_RESUME, 2_000],
  STORAGE_DOWN: [Advice.ADVICE_RESUME, 2_000],
  INTERNAL: [Advice.ADVICE_RESUME, 5_000],
  TOKEN_EXPIRED: [Advice.ADVICE_RENEW_TOKEN, 0],
  TOKEN_INVALID: [Advice.ADVICE_RENEW_TOKEN, 0],
  DISCONNECTED: [Advice.ADVICE_RESUME, 0],
};

/** A close for a reason, with its advice. */
export function closeFor(reason: string, message: string): Close {
  const known = Object.hasOwn(advices, reason) ? advices[reason as CoreReason] : undefined;
  const [advice, delayMs] = known ?? [Advice.ADVICE_STAY_AWAY, 0];
  return { reason, message, advice, delayMs };
}

/** The same close for a client that is not to come back. */
export const stayAway = (close: Close): Close => ({ ...close, advice: Advice.ADVICE_STAY_AWAY });

/** The same close for a client that may try again. */
export const comeBack = (close: Close): Close => ({ ...close, advice: Advice.ADVICE_RESUME, delayMs: Math.max(close.delayMs, 2_000) });

const passing = new Set<number>(
  (['CANCELLED', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'ABORTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'] satisfies StatusName[]).map(
    (name) => statusCodes[name],
  ),
);
const names = new Map<number, string>(Object.entries(statusCodes).map(([name, code]) => [code, name]));

/** Whether a failed computation says nothing about its answer. A service that refuses the call has answered. */
export function mayPass(error: unknown): boolean {
  return error instanceof StatusError && passing.has(error.code) && reasonOf(error) !== ('UPSTREAM_REFUSED' satisfies CoreReason);
}

/** The reason of an error; the name of its status where an upstream gave none. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof StatusError ? error.cause : error;
  if (cause instanceof Fault) return cause.reason;
  return error instanceof StatusError ? (names.get(error.code) ?? 'UNKNOWN') : 'INTERNAL';
}

/** A close for an error. */
export function closeOf(error: unknown): Close {
  const known = error instanceof StatusError || error instanceof Fault;
  const close = closeFor(reasonOf(error), known ? error.message : 'The server failed by a defect.');
  return mayPass(error) ? comeBack(close) : close;
}

/** Whether the log must have the cause. */
export const isDefect = (error: unknown) => !(error instanceof Fault) && !(error instanceof StatusError);

/** What a client is answered: the value, or why there is none. @param report receives a defect */
export async function outcomeOf<T>(work: Promise<T>, report: (defect: unknown) => void) {
  try {
    return { value: await work, reason: '', message: '' };
  } catch (error) {
    if (isDefect(error)) report(error);
    const { reason, message } = closeOf(error);
    return { value: undefined, reason, message };
  }
}
