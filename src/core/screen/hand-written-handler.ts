import { Metadata } from 'nice-grpc-common';
import { type MethodDefinition, readRequest } from '../kit/ts-proto.ts';
import type { Handler, ReadyCall } from '../ports/call.ts';
import type { Screen } from './define-app.ts';
import type { StreamContext } from './hand-written-stream.ts';
import { effectsOf, sightOf } from './screen-context.ts';
import { type ScreenParts, screenHandler } from './screen-handler.ts';
import { clientsOf } from './upstream-calls.ts';
import { UpstreamError } from './upstream-errors.ts';

/** What a team has written, as the handler of its method. */
export function ownHandler(own: Screen<never>, parts: ScreenParts): Handler {
  const { requestStream, responseStream } = own.definition;
  return requestStream || responseStream ? handWritten(own, parts) : screenHandler(own, parts);
}

/**
 * A stream that is written by hand, as the handler of its method. What it has open at upstreams is cancelled when it
 * ends, whichever way.
 */
function handWritten({ definition, run }: Screen<never>, { app, upstreams, readers, clock, effects }: ScreenParts): Handler {
  return async (call) => {
    const ended = new AbortController();
    const signal = AbortSignal.any([call.signal, ended.signal]);
    const context: StreamContext = {
      ...sightOf(call),
      ...effectsOf(call, effects),
      signal,
      nowMs: clock.nowMs,
      lifetime: call.lifetime,
    };
    const clients = clientsOf({
      services: app.upstreams,
      readers,
      upstreams,
      context: { ...call, signal },
      once: false, // a stream asks again, to see what has changed
      tag: () => {},
    });
    const answered: unknown = run(requestOf(call, definition), context as never, clients as never);
    const end = () => ended.abort(new Error('The stream has ended.'));
    const answer = { metadata: Metadata(), trailers: Metadata() };
    if (definition.responseStream) return { ...answer, body: encodedEach(answered as AsyncIterable<unknown>, definition, end) };
    for await (const body of encodedEach(only(answered), definition, end)) return { ...answer, body };
    throw new Error('One answer was encoded to none.');
  };
}

function requestOf({ request, requestBytes }: ReadyCall, { requestStream, requestType }: MethodDefinition): unknown {
  return requestStream ? decodedEach(request.each(), requestType) : readRequest(requestType, requestBytes);
}

async function* decodedEach(messages: AsyncIterable<Uint8Array>, codec: MethodDefinition['requestType']): AsyncGenerator<unknown> {
  for await (const bytes of messages) yield readRequest(codec, bytes);
}

async function* only(answer: unknown): AsyncGenerator<unknown> {
  yield await answer;
}

async function* encodedEach(answered: AsyncIterable<unknown>, { responseType }: MethodDefinition, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const message of answered) yield responseType.encode(responseType.fromPartial(message as never)).finish();
  } catch (error) {
    throw error instanceof UpstreamError ? error.fault : error; // a failure of an upstream that it did not catch is its own
  } finally {
    end();
  }
}
