import { Metadata } from 'nice-grpc-common';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { MessageCodec } from '../kit/ts-proto.ts';
import { untilCalled } from '../kit/until-called.ts';
import type { Bus } from '../ports/bus.ts';
import type { Caller, Handler, ReadyCall, Sink, UserCaller } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import type { Presence } from '../ports/presence.ts';
import { closeFor, closeOf, isDefect } from './close-advice.ts';
import { deviceOf } from './displace-device-streams.ts';
import type { WaitingBytes } from './send-memory-limit.ts';
import { inOrder, openSends, unknownStream } from './send-to-replica.ts';
import { openStream, refuseStream, type Stream } from './stream.ts';
import type { StreamLimits } from './stream-limits.ts';
import type { Registry } from './stream-registry.ts';

/** What the first message of every stream says, among others. */
type CommonHello = { readonly heartbeatMs: number; readonly device: string };

/** A message of a client: one of several, hello among them. */
type CommonRequest = { readonly message?: { readonly $case: string; readonly value: unknown } | undefined };
/** A message of a stream that is open. */
type Later<Request extends CommonRequest> = Exclude<NonNullable<Request['message']>, { readonly $case: 'hello' }>;
type Method<Request> = { readonly name: string; readonly requestType: Pick<MessageCodec<Request>, 'decode' | 'encode'> };

/** A service whose clients hold a stream each: by `Connect`, or by `Open` and `Send`. */
export type StreamService<Request extends CommonRequest, Hello extends CommonHello> = {
  /** Among the streams of this server. */
  readonly name: string;
  readonly definition: {
    readonly fullName: string;
    readonly methods: {
      readonly connect: Method<Request>;
      readonly open: Method<{ hello: Hello | undefined }>;
      readonly send: Method<{ streamId: string; n: bigint; message: Request | undefined }>;
    };
  };
  /** Begins with hello. */
  begin(stream: Stream, call: ReadyCall, hello: Hello): StreamHandler<Request>;
};

/** What the messages of one client do. */
export type StreamHandler<Request extends CommonRequest> = {
  /** Resolved when it was handled. It never rejects. */
  handle(message: Later<Request>): Promise<void>;
  /** Called with the caller of a new token. */
  renewed(caller: Caller): void;
  close(): void;
};

export type StreamServiceParts = {
  readonly limits: StreamLimits;
  readonly waiting: WaitingBytes;
  readonly registry: Registry;
  readonly bus: Bus;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
  /** This replica: lower-case hex digits, which no other has. */
  readonly replica: string;
  /** Random lower-case hex digits. */
  readonly randomHex: (digits: number) => string;
  /** Counts a stream that the server has closed. */
  readonly closed: (reason: string) => void;
};

/** The handlers of the stream's three methods. */
export function streamHandlers<Request extends CommonRequest, Hello extends CommonHello>(
  { name, definition: { fullName, methods }, begin: beginHandler }: StreamService<Request, Hello>,
  { limits, waiting, registry, bus, presence, clock, log, replica, randomHex, closed }: StreamServiceParts,
): { readonly handlers: Readonly<Record<string, Handler>>; close(): Promise<void> } {
  const { decode, encode } = methods.connect.requestType;
  /** How streams of `Open` take messages of `Send`. */
  const taking = new Map<string, (n: number, message: Uint8Array) => Promise<void>>();

  const begin = (call: ReadyCall, sink: Sink, hello: Hello) => {
    const { userId, sessionId } = userOf(call);
    let handler: StreamHandler<Request> | undefined;
    const stream = openStream({
      id: `${replica}.${randomHex(16)}`,
      sink,
      lifetime: call.lifetime,
      limits,
      waiting,
      clock,
      heartbeatMs: hello.heartbeatMs,
      onRenewed: (caller) => handler?.renewed(caller),
      mayBegin: () => registry.mayBegin(userId),
      onClosed: (close) => {
        if (close !== undefined) closed(close.reason);
        queueMicrotask(() => handler?.close()); // it may be closed before it is there
      },
    });
    registry.add({ stream, userId, sessionId }, deviceOf(userOf(call), hello.device));
    const begun = beginHandler(stream, call, hello);
    handler = begun;
    const handle = async ({ message }: Request) => {
      stream.received();
      if (stream.signal.aborted || message === undefined) return; // of a newer client
      if (message.$case === 'hello') stream.close(closeFor('REQUEST_INVALID', 'hello is only the first message of a stream.'));
      else await begun.handle(message as Later<Request>);
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
      closed('HELLO_MISSING');
      refuseStream(sink, closeFor('HELLO_MISSING', message));
    };
    let over = false;
    /** A function of its own, because the one that waits for the next message would hold this one meanwhile. */
    const one = async () => {
      const next = await requests.next();
      if (next.done === true || over || opened?.stream.signal.aborted) return false;
      const request = decode(next.value);
      if (opened !== undefined) await opened.handle(request);
      else if (request.message?.$case === 'hello') opened = begin(call, sink, request.message.value as Hello);
      return opened !== undefined;
    };
    try {
      while (await one());
      if (opened === undefined) refuse('The first message of a stream is hello.');
      else await untilCalled(opened.stream.signal, () => undefined);
    } catch (error) {
      if (isDefect(error)) log.error('A stream failed by a defect.', { error });
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
    presence,
    clock,
    topic: `${name}.send`,
    replica,
    handle: async ({ streamId, userId, sessionId, n, message }) => {
      const found = registry.find(streamId);
      const take = taking.get(streamId);
      if (found === undefined || take === undefined || found.userId !== userId || found.sessionId !== sessionId) throw unknownStream();
      await take(n, message);
    },
  });
  const placed = (call: ReadyCall) => call.onEnd(registry.takePlace(userOf(call).userId, call.peer.address));
  const noTrailers = Metadata(); // of all streams: nobody adds to it
  const answer = (body: (sink: Sink) => void) => ({ metadata: Metadata(), body, trailers: noTrailers });
  const handlers: Readonly<Record<string, Handler>> = {
    [`${fullName}/${methods.connect.name}`]: (call) => {
      placed(call);
      return answer((sink) => void converse(call, sink));
    },
    [`${fullName}/${methods.open.name}`]: (call) => {
      const hello = methods.open.requestType.decode(call.requestBytes).hello as Hello; // required by its rules
      placed(call);
      return answer((sink) => {
        const { stream, handle } = begin(call, sink, hello);
        taking.set(
          stream.id,
          inOrder((message) => handle(decode(message))),
        );
        stream.signal.addEventListener('abort', () => taking.delete(stream.id), { once: true });
        if (stream.signal.aborted) taking.delete(stream.id);
      });
    },
    [`${fullName}/${methods.send.name}`]: async (call) => {
      const { streamId, n, message } = methods.send.requestType.decode(call.requestBytes);
      const { userId, sessionId } = userOf(call);
      await sends.send({ streamId, userId, sessionId, n: Number(n), message: encode(message as Request).finish() });
      return { metadata: Metadata(), body: new Uint8Array(), trailers: Metadata() }; // its answer has no fields
    },
  };
  return { handlers, close: sends.close };
}

/** @throws Fault TOKEN_INVALID for a caller without a user */
export function userOf({ caller, plan }: ReadyCall): UserCaller & { readonly userId: string } {
  if (caller?.kind !== 'user' || caller.userId === undefined) throw new Fault('TOKEN_INVALID', `${plan.method} needs a user.`);
  return { ...caller, userId: caller.userId };
}
