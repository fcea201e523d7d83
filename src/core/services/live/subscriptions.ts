import type { Position, Subscribe } from '../../../gen/portico/v1/live.ts';
import { Fault } from '../../kit/fault.ts';
import type { Caller, ReadyCall } from '../../ports/call.ts';
import type { TopicPosition } from '../../ports/topic-log.ts';
import { type Close, closeFor, comeBack } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { encode } from './encode.ts';
import { closeOf, isDefect } from '../../streams/failures.ts';
import type { LiveParts } from './live-parts.ts';
import { checkListen, forbidden, requestOf, type TopicOf } from './namespaces.ts';
import { subscribe } from './subscription.ts';

/** A subscription of a stream. Its states: asking, whether the client may listen; listening; closed. */
type Open = {
  readonly wish: Subscribe;
  readonly named: TopicOf;
  endAsking: (() => void) | undefined;
  /** Undefined until it listens. */
  listening: { close(): void } | undefined;
  endPresence: (() => void) | undefined;
};

/** How long a rule's method may fail before what it had allowed is closed. Milliseconds. */
const unverifiedMs = 60_000;

/**
 * The subscriptions of one stream. A generation stands with each, so that a late message never ends a newer one. A
 * class, because every stream with subscriptions has one.
 */
export class Subscriptions {
  readonly #stream: Stream;
  readonly #call: ReadyCall;
  readonly #parts: LiveParts;
  readonly #all = new Map<string, Open>();
  #caller: Caller | undefined;

  constructor(stream: Stream, call: ReadyCall, caller: Caller | undefined, parts: LiveParts) {
    this.#stream = stream;
    this.#call = call;
    this.#caller = caller;
    this.#parts = parts;
  }

  begin(wish: Subscribe): void {
    const { limits, topicOf } = this.#parts;
    this.#remove(wish.topic);
    if (!this.#stream.mayBegin()) return;
    if (this.#all.size >= limits.subscriptionsMax) {
      this.#stream.close(closeFor('SUBSCRIPTIONS_TOO_MANY', `A stream may have ${limits.subscriptionsMax} subscriptions.`));
      return;
    }
    try {
      const open: Open = { wish, named: topicOf(wish.topic), endAsking: undefined, listening: undefined, endPresence: undefined };
      this.#all.set(wish.topic, open);
      this.#askOrFail(open);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#close(wish, closeOf(error));
    }
  }

  end(topic: string, generation: number): void {
    if ((this.#all.get(topic)?.wish.generation ?? 0) <= generation) this.#remove(topic);
  }

  /** Whether the client listens to a topic, which its rule has allowed. */
  isListening(topic: string): boolean {
    return this.#all.get(topic)?.listening !== undefined;
  }

  /** Runs all listening rules anew, with the permissions of a new token. */
  renewed(caller: Caller): void {
    this.#caller = caller;
    for (const open of [...this.#all.values()]) this.#askOrFail(open);
  }

  close(): void {
    for (const topic of [...this.#all.keys()]) this.#remove(topic);
  }

  #remove(topic: string): void {
    const open = this.#all.get(topic);
    this.#all.delete(topic);
    open?.endAsking?.();
    open?.listening?.close();
    open?.endPresence?.();
  }

  #close({ topic, generation }: Subscribe, why: Close): void {
    this.#remove(topic);
    this.#parts.counts.closed('subscription', why.reason);
    this.#stream.out.send(encode({ $case: 'subscriptionClosed', value: { topic, generation, ...why } }), 0);
  }

  #fail(wish: Subscribe, error: unknown): void {
    if (isDefect(error)) this.#parts.log.error('A subscription failed by a defect.', { topic: wish.topic, error });
    this.#close(wish, closeOf(error));
  }

  #askOrFail(open: Open): void {
    try {
      this.#ask(open);
    } catch (error) {
      this.#fail(open.wish, error);
    }
  }

  /** Verifies that the client may listen. A rule's answer is watched: each new one decides anew. */
  #ask(open: Open): void {
    const { wish, named } = open;
    const { watches, clock, log } = this.#parts;
    const rule = checkListen(named, this.#caller);
    open.endAsking?.();
    open.endAsking = undefined;
    if (rule === undefined) {
      this.#listen(open);
      return;
    }
    open.endAsking = watches.watch({
      plan: rule.plan,
      request: requestOf(rule, named.name),
      call: this.#call,
      caller: this.#caller,
      onOpen: () => this.#listen(open),
      onShot: () => {},
      onRefused: (error) => {
        if (isDefect(error)) log.error('A rule of a namespace failed by a defect.', { topic: wish.topic, error });
        this.#close(wish, closeOf(forbidden()));
      },
      onFailing: (sinceMs) => {
        if (open.listening !== undefined && clock.monotonicMs() - sinceMs < unverifiedMs) return;
        this.#close(wish, comeBack(closeFor('UPSTREAM_DOWN', 'It could not be verified that the user may listen.')));
      },
    });
  }

  #listen(open: Open): void {
    if (open.listening !== undefined) return;
    const { feeds, topics, recoveries, clock, counts } = this.#parts;
    const { topic, generation, position } = open.wish;
    open.listening = subscribe({
      topic,
      generation,
      position: positionIn(position),
      conflate: open.named.namespace.conflate,
      stream: this.#stream,
      feed: feeds.of(topic),
      log: topics,
      recoveries,
      clock,
      counts,
      onBegun: () => this.#beginPresence(open),
      onFailed: (error) => this.#fail(open.wish, error),
    });
  }

  #beginPresence(open: Open): void {
    const { topic, presence } = open.wish;
    const { namespace } = open.named;
    const caller = this.#caller;
    if (namespace.presence === undefined || caller?.kind !== 'user' || caller.userId === undefined) return;
    const leave = this.#parts.presences.join(topic, caller.userId, namespace.presence);
    const unwatch = presence ? this.#parts.presences.watch(topic, this.#stream.out) : undefined;
    open.endPresence = () => {
      leave();
      unwatch?.();
    };
  }
}

function positionIn(position: Position | undefined): TopicPosition | undefined {
  if (position === undefined || position.epoch === '') return undefined;
  return { epoch: position.epoch, offset: Math.min(Number(position.offset), Number.MAX_SAFE_INTEGER), id: position.eventId };
}
