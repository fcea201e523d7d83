import type { PushOutcome } from '../../ports/push-sender.ts';
import { retryAfterMs } from './read-http-response.ts';

/** What APNs answers: its status, and the reason in its JSON. `at` is the time of a 410. */
export type ApnsAnswer = { readonly status: number; readonly reason: string; readonly atMs: number | undefined };

/**
 * Apple asks for this time before what ended with 5xx is sent again.
 * @see "Handling notification responses from APNs"
 */
const after5xxMs = 15 * 60_000;
/** The token is of no use, whatever is sent. */
const dead: readonly string[] = ['Unregistered', 'BadDeviceToken', 'ExpiredToken'];
/** Nothing is taken until an operator, or time, has changed something. */
const ours: readonly string[] = [
  'BadCertificate',
  'BadCertificateEnvironment',
  'ExpiredProviderToken',
  'InvalidProviderToken',
  'MissingProviderToken',
  'BadEnvironmentKeyIdInToken',
  'UnrelatedKeyIdInToken',
  'TooManyProviderTokenUpdates',
];

/** Reads an answer that may be anything. */
export function readAnswer(status: number, body: string): ApnsAnswer {
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    said = undefined; // an answer without JSON, as on success, has no reason
  }
  const { reason, timestamp } = (typeof said === 'object' && said !== null ? said : {}) as { reason?: unknown; timestamp?: unknown };
  const atMs = typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp > 0 ? timestamp : undefined;
  return { status, reason: typeof reason === 'string' ? reason.slice(0, 100) : `status ${status}`, atMs };
}

/** What an answer means for the push and its token. */
export function outcomeOf({ status, reason, atMs }: ApnsAnswer, retryAfter: string | undefined, nowMs: number): PushOutcome {
  const afterMs = retryAfterMs(retryAfter, nowMs);
  if (status === 200) return { kind: 'sent' };
  if (dead.includes(reason) || status === 410) return { kind: 'dead', atMs, reason };
  if (ours.includes(reason)) return { kind: 'later', afterMs, all: true, mayBeSent: false, reason };
  if (status === 429) return { kind: 'later', afterMs, all: false, mayBeSent: false, reason };
  if (status >= 500) return { kind: 'later', afterMs: afterMs ?? after5xxMs, all: false, mayBeSent: false, reason };
  if (reason === 'IdleTimeout') return { kind: 'later', afterMs, all: false, mayBeSent: false, reason };
  if (status >= 400) return { kind: 'refused', reason };
  return { kind: 'later', afterMs: undefined, all: false, mayBeSent: true, reason }; // no answer that APNs gives
}
