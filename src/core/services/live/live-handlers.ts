import { Metadata } from 'nice-grpc-common';
import { type LiveHello, LiveRequest, LiveServiceDefinition, OpenRequest, SendRequest, SendResponse } from '../../../gen/portico/v1/live.ts';
import { Fault } from '../../kit/fault.ts';
import { untilCalled } from '../../kit/until-called.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Handler, ReadyCall, Sink, UserCaller } from '../../ports/call.ts';
import { closeFor } from '../../streams/close-advice.ts';
import type { StreamLimits } from '../../streams/stream-limits.ts';
import { deviceOf, type Registry } from '../../streams/registry.ts';
import { inOrder, openSends, unknownStream } from '../../streams/send-to-replica.ts';
import { openStream, refuseStream } from '../../streams/stream.ts';
import { closeOf, isDefect } from './failures.ts';
import type { LiveParts } from './live-parts.ts';
import { liveStream } from './live-stream.ts';

export type LiveHandlersParts = LiveParts & {
  readonly streams: StreamLimits;
  readonly registry: Registry;
  readonly bus: Bus;
  /** This replica: lower-case hex digits, which no other has. */
  readonly replica: string;
  /** Random lower-case hex digits. */
  readonly randomHex: (digits: number) => string;
};

/** The bus topic of messages to streams of other replicas. */
const topic = 'live.send';

/** The handlers of portico.v1.LiveService, by method. */
export function liveHandlers(parts: LiveHandlersParts): { readonly handlers: Readonly<Record<string, Handler>>; close(): void } {
  const { streams: limits, registry, bus, clock, replica, randomHex, counts, log } = parts;
  /** How streams of `Open` take messages of `Send`. */
  const taking = new Map<string, (n: number, message: Uint8Array) => Promise<void>>();

  const begin = (call: ReadyCall, sink: Sink, hello: LiveHello) => {
    const { userId, sessionId } = userOf(call);
    const stream = openStream({
      id: `${replica}.${randomHex(16)}`,
      sink,
      lifetime: call.lifetime,
      limits,
      clock,
      heartbeatMs: hello.heartbeatMs,
      onRenewed: (caller) => live.renewed(caller),
      mayBegin: () => registry.mayBegin(userId),
      onClosed: (close) => {
        if (close !== undefined) counts.closed('stream', close.reason);
        queueMicrotask(() => live.close()); // it may be closed before it is there
      },
    });
    const live = liveStream(stream, call, parts);
    registry.add({ stream, userId, sessionId }, deviceOf(userOf(call), hello.device));
    live.hello(hello);
    const handle = async (request: LiveRequest) => {
      stream.received();
      if (!stream.signal.aborted) await live.handle(request);
    };
    return { stream, handle };
  };

  /** Reads the messages of Connect for as long as the stream lasts. Their end is no goodbye: heartbeats decide. */
  const converse = async (call: ReadyCall, sink: Sink): Promise<void> => {
    const requests = call.request.each()[Symbol.asyncIterator]();
    let opened: ReturnType<typeof begin> | undefined;
    const cancel = clock.after(limits.helloMs, () => {
      if (opened === undefined) refuse('The client sent no hello in time.');
    });
    const refuse = (message: string) => {
      if (over) return;
      over = true;
      counts.closed('stream', 'HELLO_MISSING');
      refuseStream(sink, closeFor('HELLO_MISSING', message));
    };
    let over = false;
    try {
      for (let next = await requests.next(); next.done !== true; next = await requests.next()) {
        if (over || opened?.stream.signal.aborted) break;
        const request = LiveRequest.decode(next.value);
        if (opened !== undefined) await opened.handle(request);
        else if (request.message?.$case === 'hello') opened = begin(call, sink, request.message.value);
        else break;
      }
      if (opened === undefined) refuse('The first message of a stream is hello.');
      else await untilCalled(opened.stream.signal, () => undefined);
    } catch (error) {
      if (isDefect(error)) log.error('A live stream failed by a defect.', { error });
      if (opened !== undefined) opened.stream.close(closeOf(error));
      else if (!over) sink.fail(error);
    } finally {
      over = true;
      cancel();
      await requests.return?.();
    }
  };
  const sends = openSends({
    bus,
    clock,
    topic,
    replica,
    handle: async ({ streamId, userId, sessionId, n, message }) => {
      const found = registry.find(streamId);
      const take = taking.get(streamId);
      if (found === undefined || take === undefined || found.userId !== userId || found.sessionId !== sessionId) throw unknownStream();
      await take(n, message);
    },
  });
  const placed = (call: ReadyCall) => call.onEnd(registry.takePlace(userOf(call).userId, call.peer.address));
  const answer = (body: (sink: Sink) => void) => ({ metadata: Metadata(), body, trailers: Metadata() });
  const { connect, open, send } = LiveServiceDefinition.methods;
  const handlers: Readonly<Record<string, Handler>> = {
    [nameOf(connect)]: (call) => {
      placed(call);
      return answer((sink) => void converse(call, sink));
    },
    [nameOf(open)]: (call) => {
      const { hello } = OpenRequest.decode(call.requestBytes);
      if (hello === undefined) throw new Error('OpenRequest has a hello: its rules say so.');
      placed(call);
      return answer((sink) => {
        const { stream, handle } = begin(call, sink, hello);
        taking.set(
          stream.id,
          inOrder((message) => handle(LiveRequest.decode(message))),
        );
        stream.signal.addEventListener('abort', () => taking.delete(stream.id), { once: true });
        if (stream.signal.aborted) taking.delete(stream.id);
      });
    },
    [nameOf(send)]: async (call) => {
      const { streamId, n, message } = SendRequest.decode(call.requestBytes);
      const { userId, sessionId } = userOf(call);
      await sends.send({ streamId, userId, sessionId, n: Number(n), message: LiveRequest.encode(message as LiveRequest).finish() });
      return { metadata: Metadata(), body: SendResponse.encode({}).finish(), trailers: Metadata() };
    },
  };
  return { handlers, close: sends.close };
}

function nameOf({ name }: { readonly name: string }): string {
  return `${LiveServiceDefinition.fullName}/${name}`;
}

function userOf({ caller, plan }: ReadyCall): UserCaller & { readonly userId: string } {
  if (caller?.kind !== 'user' || caller.userId === undefined) throw new Fault('TOKEN_INVALID', `${plan.method} needs a user.`);
  return { ...caller, userId: caller.userId };
}
