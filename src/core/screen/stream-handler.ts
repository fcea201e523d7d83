import { Metadata } from 'nice-grpc-common';
import type { MethodDefinition } from '../kit/typed.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { Screen } from './app.ts';
import { clientsOf } from './clients.ts';
import { type ScreenParts, screenHandler } from './handlers.ts';
import type { StreamContext } from './stream.ts';
import { UpstreamError } from './upstream-error.ts';

/** What a team has written, as the handler of its method. */
export function ownHandler(own: Screen<never>, parts: ScreenParts): Handler {
  const { requestStream, responseStream } = own.definition;
  return requestStream || responseStream ? handWritten(own, parts) : screenHandler(own, parts);
}

/**
 * A stream that is written by hand, as the handler of its method. What it has open at upstreams is cancelled when it
 * ends, whichever way.
 */
function handWritten({ definition, run }: Screen<never>, { app, upstreams, readers, clock }: ScreenParts): Handler {
  return async (call) => {
    const ended = new AbortController();
    const signal = AbortSignal.any([call.signal, ended.signal]);
    const context: StreamContext = {
      caller: call.caller?.kind === 'user' ? call.caller : undefined,
      signal,
      metadata: (key) => {
        const value = call.metadata.get(key);
        return typeof value === 'string' ? value : undefined;
      },
      nowMs: clock.nowMs,
      lifetime: call.lifetime,
    };
    const { trace, caller, metadata, deadlineAtMs } = call;
    const clients = clientsOf({
      services: app.upstreams,
      readers,
      upstreams,
      context: { trace, caller, metadata, signal, deadlineAtMs },
      once: false, // a stream asks again, to see what has changed
      tag: () => {},
    });
    const answered: unknown = run(requestOf(call, definition), context as never, clients as never);
    const end = () => ended.abort(new Error('The stream has ended.'));
    const answer = { metadata: Metadata(), trailers: Metadata() };
    if (!definition.responseStream) return { ...answer, body: await encodedOne(answered, definition, end) };
    return { ...answer, body: encodedEach(answered as AsyncIterable<unknown>, definition, end) } satisfies Answer;
  };
}

function requestOf({ request, requestBytes }: ReadyCall, { requestStream, requestType }: MethodDefinition): unknown {
  return requestStream ? decodedEach(request.each(), requestType) : requestType.decode(requestBytes);
}

async function* decodedEach(messages: AsyncIterable<Uint8Array>, codec: MethodDefinition['requestType']): AsyncGenerator<unknown> {
  for await (const bytes of messages) yield codec.decode(bytes); // they were read by the rules of the method before
}

async function encodedOne(answered: unknown, definition: MethodDefinition, end: () => void): Promise<Uint8Array> {
  try {
    return encoded(await answered, definition);
  } catch (error) {
    throw thrown(error);
  } finally {
    end();
  }
}

async function* encodedEach(answered: AsyncIterable<unknown>, definition: MethodDefinition, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const message of answered) yield encoded(message, definition);
  } catch (error) {
    throw thrown(error);
  } finally {
    end();
  }
}

function encoded(message: unknown, { responseType }: MethodDefinition): Uint8Array {
  return responseType.encode(responseType.fromPartial(message as never)).finish();
}

/** A failure of an upstream that the function did not catch is its own. */
function thrown(error: unknown): unknown {
  return error instanceof UpstreamError ? error.fault : error;
}
