import { StreamResponse } from '../../gen/portico/v1/stream.ts';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { openBucket } from '../kit/rate-limit.ts';
import type { Caller, Lifetime, Sink } from '../ports/call.ts';
import { type Close, closeFor } from './close-advice.ts';
import { openHeartbeat } from './heartbeat.ts';
import { openRenewal } from './renew-and-recheck.ts';
import { SendBuffer } from './send-buffer.ts';
import type { WaitingBytes } from './send-memory-limit.ts';
import { messageBurstS, type StreamLimits } from './stream-limits.ts';

/** The messages of a client that every stream has. */
export type CommonRequest =
  | { readonly $case: 'acknowledge'; readonly value: { readonly count: bigint } }
  | { readonly $case: 'renew'; readonly value: { readonly accessToken: string } }
  | { readonly $case: 'heartbeat'; readonly value: { readonly intervalMs: number } }
  | { readonly $case: 'goodbye'; readonly value: object };

/** One long-lived stream of a client. Its states: open, then closed. */
export type Stream = {
  readonly id: string;
  /** Aborted when it is closed, in any way. */
  readonly signal: AbortSignal;
  readonly out: Pick<SendBuffer, 'send' | 'hasRoom' | 'onRoom'>;
  readonly whenAcknowledged: SendBuffer['whenAcknowledged'];
  /** Counts a message of the client against its rate; a client that sends too many is closed. */
  received(): void;
  /** Counts what the client begins; a client whose user begins too much is closed, and nothing is begun. */
  mayBegin(): boolean;
  /** Handles a message that every stream has. */
  handle(message: CommonRequest): Promise<void>;
  close(close: Close): void;
  /** Announces that the stream will be closed, and closes it then. */
  goAway(delayMs: number, closesInMs: number): void;
};

export type StreamParts = {
  readonly id: string;
  readonly sink: Sink;
  readonly lifetime: Lifetime | undefined;
  readonly limits: StreamLimits;
  readonly waiting: WaitingBytes;
  readonly clock: Clock;
  /** The client's wish, in milliseconds; 0: none. */
  readonly heartbeatMs: number;
  /** Called with the caller of a new token: all that the stream may do is verified again. */
  readonly onRenewed: (caller: Caller) => void;
  /** Whether the user may begin another subscription or watch. */
  readonly mayBegin: () => boolean;
  /** Called once at the end. Undefined: the client has left. */
  readonly onClosed: (close: Close | undefined) => void;
};

/** Opens a stream: sends its welcome, watches over its client, and closes it with a reason. */
export function openStream({ id, sink, lifetime, limits, waiting, clock, heartbeatMs, onRenewed, mayBegin, onClosed }: StreamParts): Stream {
  const controller = new AbortController();
  const mayReceive = openBucket({ perSecond: limits.messagesPerSecond, burst: messageBurstS * limits.messagesPerSecond }, clock.monotonicMs);
  const out = new SendBuffer({ sink, limits, waiting, nowMs: clock.monotonicMs, onFull: () => close(slow()) });

  const finish = (reason: Close | undefined, last: Uint8Array | undefined) => {
    if (controller.signal.aborted) return;
    heartbeat.end();
    renewal?.end();
    controller.abort(new Fault('CALL_CANCELLED', 'The stream has ended.'));
    out.end(last);
    onClosed(reason);
  };
  const close = (reason: Close) => finish(reason, encode({ $case: 'closed', value: { ...reason } }));
  const heartbeat = openHeartbeat({
    clock,
    wishedMs: heartbeatMs,
    usualMs: limits.heartbeatMs,
    stalledMs: limits.stalledMs,
    out,
    send: (intervalMs) => out.send(encode({ $case: 'heartbeat', value: { intervalMs } }), 0),
    onLost: () => close(closeFor('STREAM_IDLE', 'The client sent no heartbeat.')),
    onStalled: () => close(slow()),
  });
  const renewal =
    lifetime &&
    openRenewal({
      lifetime,
      clock,
      isOpen: () => !controller.signal.aborted,
      onRenewed,
      answer: (endsAt, reason, message) => out.send(encode({ $case: 'renewed', value: { endsAt, reason, message } }), 0),
    });

  sink.signal.addEventListener('abort', () => finish(undefined, undefined), { once: true });
  // in place of the abort, so that the client receives a reason
  lifetime?.onEnd(({ reason, message }) => close(closeFor(reason, message)));
  out.send(
    encode({
      $case: 'welcome',
      value: {
        streamId: id,
        heartbeatMs: heartbeat.everyMs,
        acknowledgeEvery: Math.ceil(limits.unacknowledgedMax / 4),
        serverTime: new Date(clock.nowMs()),
        endsAt: lifetime && new Date(lifetime.endsAtMs),
      },
    }),
    0,
  );
  if (sink.signal.aborted) finish(undefined, undefined);
  else if (!controller.signal.aborted) heartbeat.begin();

  return {
    id,
    signal: controller.signal,
    out,
    whenAcknowledged: (callback) => out.whenAcknowledged(callback),
    close,
    received: () => {
      heartbeat.received();
      if (!mayReceive()) close(closeFor('MESSAGES_TOO_MANY', `The stream received more than ${limits.messagesPerSecond} messages per second.`));
    },
    mayBegin: () => {
      const may = mayBegin();
      if (!may) close(closeFor('MESSAGES_TOO_MANY', 'The user has begun too many streams, subscriptions and watches in a short time.'));
      return may;
    },
    handle: async (message) => {
      switch (message.$case) {
        case 'acknowledge':
          if (!out.acknowledge(Number(message.value.count))) close(closeFor('REQUEST_INVALID', 'acknowledge counts more than was sent.'));
          return;
        case 'renew':
          return renewal?.renew(message.value.accessToken);
        case 'heartbeat':
          return heartbeat.ask(message.value.intervalMs);
        case 'goodbye':
          return finish(undefined, undefined);
      }
    },
    goAway: (delayMs, closesInMs) => {
      if (controller.signal.aborted) return;
      out.send(encode({ $case: 'goingAway', value: { delayMs, closesInMs } }), 0);
      const cancelClose = clock.after(closesInMs, () => close(closeFor('DRAINING', 'The server is stopping.')));
      controller.signal.addEventListener('abort', cancelClose, { once: true });
    },
  };
}

/** A stream refused before it began: its only message. */
export function refuseStream(sink: Sink, close: Close): void {
  sink.write(encode({ $case: 'closed', value: { ...close } }));
  sink.end();
}

/** Its numbers are those of the same messages in every service's own response. */
function encode(message: NonNullable<StreamResponse['message']>): Uint8Array {
  return StreamResponse.encode({ message }).finish();
}

const slow = () => closeFor('STREAM_SLOW', 'The client reads or acknowledges too slowly.');
