import { Metadata } from 'nice-grpc-common';
import type { Clock } from '../kit/clock.ts';
import { marginMs } from '../kit/deadline-margin.ts';
import { readRequest } from '../kit/ts-proto.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { Upstreams } from '../upstreams/upstreams.ts';
import type { App, Screen } from './define-app.ts';
import { endedRun, newRun, type Run } from './fan-out.ts';
import { contextOf, type Effects, type ScreenContext } from './screen-context.ts';
import { type AnswerReaders, clientsOf } from './upstream-calls.ts';
import { UpstreamError } from './upstream-errors.ts';

/** What screens and streams are run with. */
export type ScreenParts = {
  readonly app: App;
  readonly upstreams: Upstreams;
  readonly readers: AnswerReaders;
  readonly clock: Clock;
  readonly effects: Effects;
};

/** One pass over a screen's function for one call. */
export type Session = {
  readonly run: Run;
  pass(): Promise<Answer>;
  /** The answer as it is when parts that are still on their way count as missing. */
  endNow(): Promise<Answer>;
  /** Cancels what is still under way. */
  end(): void;
};

export function beginScreen(
  screen: Screen<never>,
  call: ReadyCall,
  { app, upstreams, readers, clock, effects }: ScreenParts,
  soFar: boolean,
): Session {
  const nowMs = clock.nowMs();
  const partsEndAtMs = call.deadlineAtMs === undefined ? undefined : call.deadlineAtMs - marginMs(call.deadlineAtMs - nowMs);
  const run = newRun({ clock, partsEndAtMs, soFar });
  const losers = new AbortController();
  const abort = () => losers.abort(call.signal.reason);
  if (call.signal.aborted) abort();
  else call.signal.addEventListener('abort', abort, { once: true });
  const tags = new Set<string>();
  const context = contextOf(call, { tags, signal: losers.signal, run, effects });
  const clients = clientsOf({
    services: app.upstreams,
    readers,
    upstreams,
    context: { ...call, signal: losers.signal, deadlineAtMs: partsEndAtMs },
    once: true,
    tag: context.tag,
  });
  const { requestType, responseType } = screen.definition;
  const request = readRequest(requestType, call.requestBytes);
  const passOver = async (run: Run, context: ScreenContext): Promise<Answer> => {
    run.named.clear();
    run.missing = false;
    run.pending = false;
    try {
      const response = await screen.run(request, context, clients as never);
      const body = responseType.encode(responseType.fromPartial(response as never)).finish();
      return { metadata: Metadata(), body, trailers: Metadata(), tags: [...tags], partial: run.missing || run.pending };
    } catch (error) {
      throw error instanceof UpstreamError ? error.fault : error;
    }
  };
  return {
    run,
    pass: () => passOver(run, context),
    endNow: () => {
      const ended = endedRun(run);
      return passOver(ended, contextOf(call, { tags, signal: losers.signal, run: ended, effects }));
    },
    end: () => {
      call.signal.removeEventListener('abort', abort);
      for (const { settled } of run.states.values()) if (!settled) return losers.abort(new Error('The screen has been answered.'));
      if (run.missing) losers.abort(new Error('The screen has been answered.'));
    },
  };
}

/** A screen as the handler of its unary method. */
export function screenHandler(screen: Screen<never>, parts: ScreenParts): Handler {
  return async (call) => {
    const session = beginScreen(screen, call, parts, false);
    try {
      return await session.pass();
    } finally {
      session.end();
    }
  };
}
