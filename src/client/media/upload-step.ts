import type { CallError } from '../call-error.ts';
import { isTemporary } from '../calls.ts';
import { askedMs, waitMs } from '../stream/retry-waits.ts';

/**
 * Where an upload stands. docs/mobile/attachments.md has the table.
 *
 * - `new`: nothing has begun.
 * - `uploading`: bytes are sent.
 * - `asking`: GetUpload is asked how many are stored.
 * - `waiting`: until the next attempt.
 * - `offline`: the device has no network.
 * - `done`, `failed`: nothing follows.
 */
export type UploadPhase = 'new' | 'uploading' | 'asking' | 'waiting' | 'offline' | 'done' | 'failed';

export type UploadState = {
  readonly phase: UploadPhase;
  /** The most bytes that the server was known to have. */
  readonly stored: number;
  /** Failures in a row, while the server has got no more bytes. */
  readonly failures: number;
};

export const initialUpload: UploadState = { phase: 'new', stored: 0, failures: 0 };

/** How a call failed, or the reading of the content. @property offset of the metadata, where it has one */
export type UploadFailure = Pick<CallError, 'code' | 'reason' | 'retryAfterMs'> & { readonly offset: number | undefined };

/** What happens to an upload. */
export type UploadEvent =
  /** @property resumes an earlier process may have begun it */
  | { readonly type: 'start'; readonly resumes: boolean }
  /** Upload has answered: the attachment is complete. */
  | { readonly type: 'uploaded' }
  /** GetUpload has answered. @property complete whether it has the attachment */
  | { readonly type: 'stored'; readonly offset: number; readonly complete: boolean }
  /** The call under way has failed. */
  | ({ readonly type: 'failed' } & UploadFailure)
  /** The wait is over. */
  | { readonly type: 'retry' }
  | { readonly type: 'networkLost' }
  | { readonly type: 'networkFound' }
  | { readonly type: 'cancel' };

/** What the client is to do. */
export type UploadAction =
  /** Calls Upload with the bytes from `offset` on. */
  | { readonly do: 'upload'; readonly offset: number }
  /** Calls GetUpload. */
  | { readonly do: 'ask' }
  /** `retry` follows after so long. */
  | { readonly do: 'wait'; readonly ms: number }
  /** Ends the call or the wait under way: nothing comes of it any more. */
  | { readonly do: 'end' }
  | { readonly do: 'done' }
  | { readonly do: 'fail'; readonly reason: string };

type Step = { readonly state: UploadState; readonly actions: readonly UploadAction[] };

/** Failures in a row, after which an upload fails. */
export const failuresMax = 6;
/** A server that asks to wait for longer has no room today: the app decides. Milliseconds. */
export const waitMostMs = 120_000;
/** Statuses without a reason: a network, a proxy or a library has made them. */
const cuts: ReadonlySet<string> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNKNOWN', 'ABORTED']);
const resumed: ReadonlySet<string> = new Set(['UPLOAD_INCOMPLETE', 'UPLOAD_OFFSET_WRONG']);

/**
 * What an upload does, without network and timers: docs/mobile/upload-cases.json has its cases for clients in other
 * languages.
 * @param random from 0 up to 1
 */
export function uploadStep(state: UploadState, event: UploadEvent, random: number): Step {
  const { phase } = state;
  if (phase === 'done' || phase === 'failed') return same(state);
  const calls = phase === 'uploading' || phase === 'asking';
  switch (event.type) {
    case 'start':
      return phase === 'new' ? (event.resumes ? ask(state) : upload(state, 0)) : same(state);
    case 'uploaded':
      return phase === 'uploading' ? done(state) : same(state);
    case 'stored':
      if (phase !== 'asking') return same(state);
      return event.complete ? done(state) : upload(progressed(state, event.offset), event.offset);
    case 'failed':
      return calls ? failed(state, event, random) : same(state);
    case 'retry':
      return phase === 'waiting' ? ask(state) : same(state);
    case 'networkLost':
      return calls || phase === 'waiting' ? { state: { ...state, phase: 'offline' }, actions: [{ do: 'end' }] } : same(state);
    case 'networkFound':
      if (phase === 'waiting') return { ...ask(state), actions: [{ do: 'end' }, { do: 'ask' }] };
      return phase === 'offline' ? ask(state) : same(state);
    case 'cancel': {
      const end = calls || phase === 'waiting' ? [{ do: 'end' } as const] : [];
      return { state: { ...state, phase: 'failed' }, actions: [...end, { do: 'fail', reason: 'CANCELLED' }] };
    }
  }
}

function failed(state: UploadState, failure: UploadFailure, random: number): Step {
  const { reason, offset, retryAfterMs = 0 } = failure;
  if (resumed.has(reason) && offset !== undefined && offset > state.stored) return upload(progressed(state, offset), offset);
  if (state.phase === 'asking' && reason === 'ATTACHMENT_UNKNOWN') return upload(state, 0); // nothing of it is there
  const failures = state.failures + 1;
  if (!passes(failure) || failures > failuresMax || retryAfterMs > waitMostMs)
    return { state: { ...state, phase: 'failed', failures }, actions: [{ do: 'fail', reason: reason || failure.code }] };
  const ms = Math.max(askedMs(retryAfterMs, random), waitMs(failures, random));
  return { state: { ...state, phase: 'waiting', failures }, actions: [{ do: 'wait', ms }] };
}

/** Whether the same may succeed later: docs/mobile/errors-and-retries.md. An upload may be repeated. */
export function passes({ code, reason, retryAfterMs }: Pick<CallError, 'code' | 'reason' | 'retryAfterMs'>): boolean {
  return reason === '' ? cuts.has(code) : resumed.has(reason) || isTemporary({ code, retryAfterMs });
}

function progressed(state: UploadState, offset: number): UploadState {
  return offset > state.stored ? { ...state, stored: offset, failures: 0 } : state;
}

const same = (state: UploadState): Step => ({ state, actions: [] });
const ask = (state: UploadState): Step => ({ state: { ...state, phase: 'asking' }, actions: [{ do: 'ask' }] });
const upload = (state: UploadState, offset: number): Step => ({ state: { ...state, phase: 'uploading' }, actions: [{ do: 'upload', offset }] });
const done = (state: UploadState): Step => ({ state: { ...state, phase: 'done' }, actions: [{ do: 'done' }] });
