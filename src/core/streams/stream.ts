import { StreamResponse } from '../../gen/portico/v1/stream.ts';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Caller, Lifetime, Sink } from '../ports/call.ts';
import { type Close, closeFor } from './close-advice.ts';
import { openBucket } from './rate-limit.ts';
import { graceMs, heartbeatRangeMs, messageBurstS, type StreamLimits } from './stream-limits.ts';
import { Outbox } from './outbox.ts';

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
  readonly out: Pick<Outbox, 'send' | 'hasRoom' | 'onRoom'>;
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

/** Permissions are verified anew so often at most: a client may renew with every message. Milliseconds. */
const verifyEveryMs = 5_000;

/** Opens a stream: sends its welcome, watches over its client, and closes it with a reason. */
export function openStream(parts: StreamParts): Stream {
  return new OpenStream(parts);
}

/** A class, because a thousand clients have one each. */
class OpenStream implements Stream {
  readonly id: string;
  readonly out: Outbox;
  readonly #controller = new AbortController();
  readonly #parts: Omit<StreamParts, 'id' | 'sink' | 'heartbeatMs'>;
  #everyMs: number;
  #receivedAtMs: number;
  readonly #mayReceive: () => boolean;
  #cancel: (() => void) | undefined;
  #cancelVerify: (() => void) | undefined;
  #verifiedAtMs: number | undefined;

  constructor({ id, sink, heartbeatMs, ...parts }: StreamParts) {
    const { lifetime, limits, clock } = parts;
    this.id = id;
    this.#parts = parts;
    this.#everyMs = intervalOf(heartbeatMs, limits.heartbeatMs);
    this.#receivedAtMs = clock.monotonicMs();
    this.#mayReceive = openBucket({ perSecond: limits.messagesPerSecond, burst: messageBurstS * limits.messagesPerSecond }, clock.monotonicMs);
    this.out = new Outbox({ sink, limits, nowMs: clock.monotonicMs, onFull: () => this.close(slow()) });
    sink.signal.addEventListener('abort', () => this.#finish(undefined, undefined), { once: true });
    // in place of the abort, so that the client receives a reason
    lifetime?.onEnd(({ reason, message }) => this.close(closeFor(reason, message)));
    this.out.send(
      encode({
        $case: 'welcome',
        value: {
          streamId: id,
          heartbeatMs: this.#everyMs,
          acknowledgeEvery: Math.ceil(limits.unacknowledgedMax / 4),
          serverTime: new Date(clock.nowMs()),
          endsAt: lifetime && new Date(lifetime.endsAtMs),
        },
      }),
      0,
    );
    if (sink.signal.aborted) this.#finish(undefined, undefined);
    else if (!this.signal.aborted) this.#look();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(reason: Close): void {
    this.#finish(reason, encode({ $case: 'closed', value: { ...reason } }));
  }

  received(): void {
    const { limits, clock } = this.#parts;
    this.#receivedAtMs = clock.monotonicMs();
    if (!this.#mayReceive())
      this.close(closeFor('MESSAGES_TOO_MANY', `The stream received more than ${limits.messagesPerSecond} messages per second.`));
  }

  mayBegin(): boolean {
    const may = this.#parts.mayBegin();
    if (!may) this.close(closeFor('MESSAGES_TOO_MANY', 'The user has begun too many streams, subscriptions and watches in a short time.'));
    return may;
  }

  async handle(message: CommonRequest): Promise<void> {
    switch (message.$case) {
      case 'acknowledge':
        if (!this.out.acknowledge(Number(message.value.count))) this.close(closeFor('REQUEST_INVALID', 'acknowledge counts more than was sent.'));
        return;
      case 'renew':
        return this.#renew(message.value.accessToken);
      case 'heartbeat':
        if (message.value.intervalMs === 0) return;
        this.#everyMs = intervalOf(message.value.intervalMs, this.#parts.limits.heartbeatMs);
        this.#cancel?.();
        this.#look();
        this.#sendHeartbeat();
        return;
      case 'goodbye':
        return this.#finish(undefined, undefined);
    }
  }

  goAway(delayMs: number, closesInMs: number): void {
    if (this.signal.aborted) return;
    this.out.send(encode({ $case: 'goingAway', value: { delayMs, closesInMs } }), 0);
    const cancelClose = this.#parts.clock.after(closesInMs, () => this.close(closeFor('DRAINING', 'The server is stopping.')));
    this.signal.addEventListener('abort', cancelClose, { once: true });
  }

  #finish(reason: Close | undefined, last: Uint8Array | undefined): void {
    if (this.signal.aborted) return;
    this.#cancel?.();
    this.#cancelVerify?.();
    this.#controller.abort(new Fault('CALL_CANCELLED', 'The stream has ended.'));
    this.out.end(last);
    this.#parts.onClosed(reason);
  }

  #look(): void {
    const { limits, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const [stalled, everyMs, silentAtMs] = [this.out.stalledSinceMs(), this.#everyMs, this.#receivedAtMs + 2 * this.#everyMs + graceMs];
    const end = nowMs >= silentAtMs ? idle() : stalled !== undefined && nowMs - stalled >= limits.stalledMs ? slow() : undefined;
    if (end !== undefined) {
      this.close(end);
      return;
    }
    // A heartbeat would only wait behind what waits already.
    if (stalled === undefined && nowMs - this.out.sentAtMs() >= everyMs) this.#sendHeartbeat();
    const actAtMs = stalled === undefined ? this.out.sentAtMs() + everyMs : stalled + limits.stalledMs;
    const nextMs = Math.min(actAtMs, silentAtMs, nowMs + limits.stalledMs);
    this.#cancel = clock.after(Math.max(1, Math.ceil(nextMs - nowMs)), () => this.#look());
  }

  #sendHeartbeat(): void {
    this.out.send(encode({ $case: 'heartbeat', value: { intervalMs: this.#everyMs } }), 0);
  }

  /** At once, then not more often than the interval: the older token was valid for that long anyway. */
  #verify(caller: Caller): void {
    const { clock, onRenewed } = this.#parts;
    const now = () => {
      this.#verifiedAtMs = clock.monotonicMs();
      if (!this.signal.aborted) onRenewed(caller);
    };
    this.#cancelVerify?.();
    const waitMs = (this.#verifiedAtMs ?? Number.NEGATIVE_INFINITY) + verifyEveryMs - clock.monotonicMs();
    if (waitMs <= 0) now();
    else this.#cancelVerify = clock.after(waitMs, now);
  }

  async #renew(token: string): Promise<void> {
    const { lifetime } = this.#parts;
    if (lifetime === undefined) return;
    const answer = (reason: string, message: string) =>
      this.out.send(encode({ $case: 'renewed', value: { endsAt: new Date(lifetime.endsAtMs), reason, message } }), 0);
    try {
      const caller = await lifetime.extend(token);
      answer('', '');
      this.#verify(caller);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      answer(error.reason, error.message);
    }
  }
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

const idle = () => closeFor('STREAM_IDLE', 'The client sent no heartbeat.');
const slow = () => closeFor('STREAM_SLOW', 'The client reads or acknowledges too slowly.');

function intervalOf(wishedMs: number, usualMs: number): number {
  return wishedMs === 0 ? usualMs : Math.min(heartbeatRangeMs.most, Math.max(heartbeatRangeMs.least, wishedMs));
}
