import type { PushOutcome } from '../../ports/push-sender.ts';

/** What FCM answers: its status, the status of its JSON, and FCM's own code among the details. */
export type FcmAnswer = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Fields of the request that break a rule. Empty: it names none. */
  readonly fields: readonly string[];
};

/** Without Retry-After, a minute ("Scale FCM", "Handle retries"). */
const quotaMs = 60_000;

/** Reads an answer that may be anything. */
export function readFcmAnswer(status: number, body: string): FcmAnswer {
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    said = undefined; // a proxy's page, for example
  }
  const { error } = Object(said) as { error?: unknown };
  const { status: name, message, details } = Object(error) as { status?: unknown; message?: unknown; details?: unknown };
  const list = listOf(details);
  const own = list.find(({ errorCode }) => typeof errorCode === 'string')?.errorCode as string | undefined;
  const fields = list.flatMap(({ fieldViolations }) => listOf(fieldViolations).map(({ field }) => String(field)));
  const code = own ?? (typeof name === 'string' ? name : `status ${status}`);
  return { status, code: code.slice(0, 100), message: typeof message === 'string' ? message.slice(0, 200) : '', fields };
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(Object) : [];
}

/**
 * What an answer means for the push and its token.
 * @see https://firebase.google.com/docs/cloud-messaging/error-codes
 */
export function fcmOutcomeOf({ status, code, message, fields }: FcmAnswer, afterMs: number | undefined): PushOutcome {
  const reason = message === '' ? code : `${code}: ${message}`;
  const later = (more: { readonly afterMs?: number | undefined; readonly all?: boolean; readonly mayBeSent?: boolean }): PushOutcome => ({
    kind: 'later',
    afterMs,
    all: false,
    mayBeSent: false,
    reason,
    ...more,
  });
  if (status === 200) return { kind: 'sent' };
  if (code === 'UNREGISTERED') return { kind: 'dead', atMs: undefined, reason };
  // some answers name the field, and others have only the text
  const namesToken = fields.length === 0 ? /registration token/i.test(message) : fields.every((field) => field === 'message.token');
  const isOfToken = code === 'INVALID_ARGUMENT' && namesToken;
  if (isOfToken) return { kind: 'dead', atMs: undefined, reason };
  // a quota of the project; one of a device names it
  if (status === 429) return later({ afterMs: afterMs ?? quotaMs, all: !/device/i.test(message) });
  if (status === 401 && code !== 'THIRD_PARTY_AUTH_ERROR') return later({ all: true });
  if (code === 'PERMISSION_DENIED' || (status === 404 && code === 'NOT_FOUND')) return later({ all: true }); // the account or the project is wrong
  if (status === 503) return later({ all: true });
  if (status >= 500) return later({});
  if (status >= 400) return { kind: 'refused', reason };
  return later({ mayBeSent: true }); // no answer that FCM gives
}
