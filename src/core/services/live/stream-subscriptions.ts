import type { Position, Subscribe } from '../../../gen/portico/v1/live.ts';
import { Fault } from '../../kit/fault.ts';
import type { Caller, ReadyCall } from '../../ports/call.ts';
import type { ShortSpan } from '../../ports/short-spans.ts';
import type { TopicPosition } from '../../ports/topic-log.ts';
import { requestIdCharactersMax } from '../../ports/topic-log-limits.ts';
import { type Close, closeFor, closeOf, comeBack, isDefect } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { checkRule, requestOf, unverifiedMs } from '../caller-rule.ts';
import { encode } from './encode-live.ts';
import type { LiveParts } from './live-parts.ts';
import { Subscription } from './resume-and-conflate.ts';
import { destinationOf, forbidden, type TopicOf } from './topic-namespaces.ts';

/** A subscription of a stream. Its states: asking, whether the client may listen; listening; closed. */
type Open = {
  readonly wish: Subscribe;
  readonly named: TopicOf;
  readonly span: ShortSpan | undefined;
  listening: boolean;
  endAsking(): void;
  endListening(): void;
};

/** The subscriptions of one stream. Each has a generation, so that a late message never ends a newer one. */
export type Subscriptions = {
  begin(wish: Subscribe): void;
  end(topic: string, generation: number): void;
  /** Whether the client listens to a topic, which its rule has allowed. */
  isListening(topic: string): boolean;
  /** Runs all listening rules anew, with the permissions of a new token. */
  renewed(caller: Caller): void;
  close(): void;
};

export function openSubscriptions(stream: Stream, call: ReadyCall, parts: LiveParts): Subscriptions {
  const { limits, topicOf, feeds, presences, watches, spans, counts, clock, log } = parts;
  const all = new Map<string, Open>();
  let caller = call.caller;

  const remove = (topic: string) => {
    const open = all.get(topic);
    all.delete(topic);
    open?.endAsking();
    open?.endListening();
  };
  const close = ({ topic, generation }: Subscribe, why: Close, span = all.get(topic)?.span) => {
    span?.end({}, why.reason);
    remove(topic);
    counts.closed('subscription', why.reason);
    stream.out.send(encode({ $case: 'subscriptionClosed', value: { topic, generation, ...why } }), 0);
  };
  const fail = (wish: Subscribe, error: unknown) => {
    if (isDefect(error)) log.error('A subscription failed by a defect.', { topic: wish.topic, error });
    close(wish, closeOf(error));
  };
  const listen = (open: Open) => {
    if (open.listening) return;
    open.listening = true;
    const { topic, generation, position } = open.wish;
    let endPresence = () => {};
    const subscription = new Subscription({
      topic,
      generation,
      position: positionIn(position),
      conflate: open.named.namespace.conflate,
      stream,
      span: call.trace,
      feed: feeds.of(topic),
      readPage: parts.readPage,
      clock,
      counts,
      onBegun: () => {
        open.span?.end(destinationOf(topic));
        endPresence = beginPresence(open);
      },
      onFailed: (error) => fail(open.wish, error),
    });
    counts.subscriptions++;
    open.endListening = () => {
      counts.subscriptions--;
      subscription.close();
      endPresence();
    };
  };
  const beginPresence = ({ wish: { topic, presence }, named: { namespace } }: Open) => {
    if (namespace.presence === undefined || caller?.kind !== 'user' || caller.userId === undefined) return () => {};
    const leave = presences.join(topic, caller.userId, namespace.presence);
    const unwatch = presence ? presences.watch(topic, stream.out) : () => {};
    return () => {
      leave();
      unwatch();
    };
  };
  /** Verifies that the client may listen. A rule's answer is watched: each new one decides anew. */
  const ask = (open: Open) => {
    const { wish, named } = open;
    const rule = checkRule(named.namespace, named.name, caller, forbidden);
    open.endAsking();
    if (rule === undefined) return listen(open);
    open.endAsking = watches.watch({
      plan: rule.plan,
      request: requestOf(rule, named.name),
      call,
      caller,
      onOpen: () => listen(open),
      onShot: () => {},
      onRefused: (error) => {
        if (isDefect(error)) log.error('A rule of a namespace failed by a defect.', { topic: wish.topic, error });
        close(wish, closeOf(forbidden()));
      },
      onFailing: (sinceMs) => {
        if (open.listening && clock.monotonicMs() - sinceMs < unverifiedMs) return;
        close(wish, comeBack(closeFor('UPSTREAM_DOWN', 'It could not be verified that the user may listen.')));
      },
    });
  };
  const askOrFail = (open: Open) => {
    try {
      ask(open);
    } catch (error) {
      fail(open.wish, error);
    }
  };
  return {
    begin: (wish) => {
      remove(wish.topic);
      if (!stream.mayBegin()) return;
      if (all.size >= limits.subscriptionsMax)
        return stream.close(closeFor('SUBSCRIPTIONS_TOO_MANY', `A stream may have ${limits.subscriptionsMax} subscriptions.`));
      const span = spans.begin('subscribe topic', call.trace);
      try {
        const open: Open = { wish, named: topicOf(wish.topic), span, listening: false, endAsking: () => {}, endListening: () => {} };
        all.set(wish.topic, open);
        askOrFail(open);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        close(wish, closeOf(error), span);
      }
    },
    end: (topic, generation) => {
      if ((all.get(topic)?.wish.generation ?? 0) <= generation) remove(topic);
    },
    isListening: (topic) => all.get(topic)?.listening === true,
    renewed: (newCaller) => {
      caller = newCaller;
      for (const open of [...all.values()]) askOrFail(open);
    },
    close: () => {
      for (const topic of [...all.keys()]) remove(topic);
    },
  };
}

function positionIn(position: Position | undefined): TopicPosition | undefined {
  if (position === undefined || position.epoch === '') return undefined;
  const { epoch, offset, eventId } = position;
  const id = eventId.length > requestIdCharactersMax ? '' : eventId; // no event has a longer one
  return { epoch, offset: Math.min(Number(offset), Number.MAX_SAFE_INTEGER), id };
}
