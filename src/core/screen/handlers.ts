import { Metadata } from 'nice-grpc-common';
import type { Clock } from '../kit/clock.ts';
import { marginMs } from '../kit/margin.ts';
import type { MethodPlan } from '../kit/plan.ts';
import type { CachedStream, OpenCached } from '../ports/cached-stream.ts';
import type { Answer, Handler, PushedBody, ReadyCall } from '../ports/call.ts';
import type { Upstreams } from '../upstreams/upstreams.ts';
import type { AnswerReaders } from './answer-readers.ts';
import type { App, Screen } from './app.ts';
import { clientsOf } from './clients.ts';
import { contextOf } from './context.ts';
import { inTime, newRun, type Run } from './run.ts';
import { UpstreamError } from './upstream-error.ts';

type Parts = { readonly app: App; readonly upstreams: Upstreams; readonly readers: AnswerReaders; readonly clock: Clock };

/** One pass over a screen's function for one call. */
type Session = { readonly run: Run; pass(): Promise<Answer> /** Cancels what is still under way. */; end(): void };

function begin(screen: Screen<never>, call: ReadyCall, { app, upstreams, readers, clock }: Parts, soFar: boolean): Session {
  const nowMs = clock.nowMs();
  const partsEndAtMs = call.deadlineAtMs === undefined ? undefined : call.deadlineAtMs - marginMs(call.deadlineAtMs - nowMs);
  const run = newRun({ clock, partsEndAtMs, soFar });
  const losers = new AbortController();
  const abort = () => losers.abort(call.signal.reason);
  if (call.signal.aborted) abort();
  else call.signal.addEventListener('abort', abort, { once: true });
  const tags = new Set<string>();
  const context = contextOf(call, { tags, signal: losers.signal, run });
  const clients = clientsOf(
    { services: app.upstreams, readers },
    upstreams,
    {
      trace: call.trace,
      caller: call.caller,
      metadata: call.metadata,
      signal: losers.signal,
      deadlineAtMs: partsEndAtMs,
    },
    context.tag,
  );
  const { requestType, responseType } = screen.definition;
  const request = requestType.decode(call.requestBytes);
  return {
    run,
    pass: async () => {
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
    },
    end: () => {
      call.signal.removeEventListener('abort', abort);
      for (const { settled } of run.states.values()) if (!settled) return losers.abort(new Error('The screen has been answered.'));
      if (run.missing) losers.abort(new Error('The screen has been answered.'));
    },
  };
}

/** A screen as the handler of its unary method. */
export function screenHandler(screen: Screen<never>, parts: Parts): Handler {
  return async (call) => {
    const session = begin(screen, call, parts, false);
    try {
      return await session.pass();
    } finally {
      session.end();
    }
  };
}

/**
 * A screen as a server stream: what is remembered at once; else whole answers so far, each time a part has come, the last one without pending parts. The screen's function
 * runs again for each; its parts and equal upstream calls do not. The etag of what was stored comes as a trailer.
 * @param unary the plan of the cached method whose stream form this is
 */
export function streamHandler(screen: Screen<never>, unary: MethodPlan, open: OpenCached, parts: Parts): Handler {
  return async (call) => {
    const opened = await open(unary, call);
    if (opened.hit !== undefined) return { ...opened.hit, body: once(opened.hit.body as Uint8Array) };
    const trailers = Metadata();
    return {
      metadata: opened.stale?.metadata ?? Metadata(),
      trailers,
      body: answersSoFar(begin(screen, opened.call, parts, true), opened, trailers),
    };
  };
}

function once(body: Uint8Array): PushedBody {
  return (sink) => {
    sink.write(body);
    sink.end();
  };
}

/** An old whole answer is not replaced by one with parts missing: neither by those on the way, nor by a last one that stayed partial. */
async function* answersSoFar(session: Session, { stale, offer, rescue }: CachedStream, trailers: Metadata): AsyncGenerator<Uint8Array> {
  const { run } = session;
  if (stale !== undefined) yield stale.body as Uint8Array;
  try {
    for (;;) {
      const answer = await session.pass();
      if (!run.pending) {
        const offered = await offer(answer);
        const etag = offered.metadata.get('etag');
        if (etag !== undefined) trailers.set('etag', etag);
        if (stale === undefined || offered.partial !== true) yield offered.body as Uint8Array;
        return;
      }
      if (stale === undefined) yield answer.body as Uint8Array;
      await nextSettled(run);
    }
  } catch (error) {
    const old = await rescue(error);
    if (old === undefined) throw error;
    if (stale === undefined) yield old.body as Uint8Array;
  } finally {
    session.end();
  }
}

/** Waits until one more part has settled, or its time is over. */
async function nextSettled(run: Run): Promise<void> {
  const open = [...run.states].filter(([, { settled }]) => !settled);
  if (open.length === 0) return;
  await inTime(run, open, Promise.race(open.map(([, { promise }]) => promise)));
}
