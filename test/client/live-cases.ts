// The cases of docs/mobile/live-cases.json: what happens, and what a client does then, as data.
import { LiveHello, LivePublish, LiveRequest, LiveResponse, Position } from '../../src/gen/portico/v1/live.ts';
import { type Action, initialState, type LiveEvent, type Notice } from '../../src/client/live/state.ts';
import type { Phase } from '../../src/client/stream/connection.ts';
import { step } from '../../src/client/live/step.ts';

type Json = Readonly<Record<string, unknown>>;

/** One thing that happens, and all that the client does then, in order. Messages are in the JSON form of protobuf. */
export type CaseStep = {
  readonly event: Json & { readonly type: string };
  /** Milliseconds since the beginning of the case; unset: as before. */
  readonly nowMs?: number;
  /** From 0 up to 1; unset: 0.5. */
  readonly random?: number;
  readonly phase?: Phase;
  readonly actions?: readonly Json[];
};
export type LiveCase = {
  readonly name: string;
  /** The setup that comes before; unset: a client that is stopped, and wants nothing. */
  readonly after?: string;
  readonly steps: readonly CaseStep[];
};
export type CaseFile = {
  /** One event of each kind, in the words of the table. */
  readonly events: Readonly<Record<string, CaseStep['event']>>;
  /** A way into each phase. */
  readonly setups: Readonly<Record<string, readonly CaseStep[]>>;
  readonly cases: readonly LiveCase[];
};

/** What a client does: each of these steps, with phase and actions, after those of a setup. */
export function played(before: readonly CaseStep[], steps: readonly CaseStep[]): readonly CaseStep[] {
  let state = initialState;
  let nowMs = 0;
  const seen = [...before, ...steps].map(({ event, random = 0.5, ...given }): CaseStep => {
    nowMs = given.nowMs ?? nowMs;
    const next = step(state, eventOf(event), { nowMs, random });
    state = next.state;
    return {
      event,
      ...(given.nowMs !== undefined && { nowMs }),
      ...(random !== 0.5 && { random }),
      phase: state.phase,
      actions: next.actions.map(jsonOf),
    };
  });
  return seen.slice(before.length);
}

/** "message welcome", "timer retry", "start" */
export function kindOf(event: CaseStep['event']): string {
  if (event.type === 'message') return `message ${Object.keys(event.message as object)[0] ?? 'unknown'}`;
  if (event.type === 'timer') return `timer ${String(event.name).split(' ')[0]}`;
  return event.type;
}

function eventOf(event: CaseStep['event']): LiveEvent {
  const { message, request, position, event: published } = event as unknown as Record<string, never>;
  return {
    ...event,
    ...(message !== undefined && { message: LiveResponse.fromJSON(message) }),
    ...(request !== undefined && { request: Buffer.from(request, 'base64') }),
    ...(position !== undefined && { position: Position.fromJSON(position) }),
    ...(published !== undefined && { event: LivePublish.fromJSON(published) }),
  } as unknown as LiveEvent;
}

function jsonOf(action: Action): Json {
  switch (action.do) {
    case 'open':
      return { do: 'open', hello: LiveHello.toJSON(action.hello) };
    case 'send':
      return { do: 'send', message: LiveRequest.toJSON({ message: action.message }) };
    case 'notify':
      return { do: 'notify', notice: noticeOf(action.notice) };
    default:
      return { ...action };
  }
}

function noticeOf(notice: Notice): Json {
  if (notice.kind === 'snapshot') return { ...notice, payload: Buffer.from(notice.payload).toString('base64') };
  if (notice.kind !== 'event') return JSON.parse(JSON.stringify(notice)) as Json; // what is undefined has no place in JSON
  return {
    kind: 'event',
    topic: notice.topic,
    payload: Buffer.from(notice.event.payload).toString('base64'),
    position: Position.toJSON(notice.position),
  };
}
