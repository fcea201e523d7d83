import { hash } from 'node:crypto';
import type { LiveHello, LivePublish, LiveRequest } from '../../../gen/portico/v1/live.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { SpanContext } from '../../ports/short-spans.ts';
import { outcomeOf } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import type { StreamHandler } from '../../streams/stream-service.ts';
import { checkRule } from '../caller-rule.ts';
import { encode, positionOut } from './encode-live.ts';
import type { LiveParts } from './live-parts.ts';
import { openSubscriptions } from './stream-subscriptions.ts';
import { openStreamWatches } from './stream-watches.ts';
import { destinationOf, forbidden } from './topic-namespaces.ts';

/** What the messages of one client do. */
export function liveStream(stream: Stream, call: ReadyCall, parts: LiveParts, hello: LiveHello): StreamHandler<LiveRequest> {
  const subscriptions = openSubscriptions(stream, call, parts);
  const watches = openStreamWatches(stream, call, parts);
  let caller = call.caller;

  const publish = async ({ topic, requestId, payload, key }: LivePublish, origin: SpanContext | undefined) => {
    const { namespace, name } = parts.topicOf(topic);
    const rule = checkRule(namespace, name, caller, forbidden);
    if (!namespace.publish || caller?.kind !== 'user' || (rule !== undefined && !subscriptions.isListening(topic))) throw forbidden();
    const [position] = await parts.publish([{ topic, payload, key, requestId: idOf(caller.userId, requestId) }], origin);
    return position && positionOut(position);
  };
  const answerPublish = async (message: LivePublish) => {
    const { requestId, topic } = message;
    const span = parts.spans.begin('send topic', call.trace);
    const { value: position, ...refusal } = await outcomeOf(publish(message, span?.context), (error) =>
      parts.log.error('An event was not published by a defect.', { topic, error }),
    );
    span?.end(refusal.reason === '' ? destinationOf(topic) : {}, refusal.reason);
    stream.out.send(encode({ $case: 'published', value: { requestId, position, ...refusal } }), 0);
  };
  for (const wish of hello.subscriptions) if (!stream.signal.aborted) subscriptions.begin(wish);
  for (const wish of hello.watches) if (!stream.signal.aborted) watches.begin(wish);
  return {
    handle: async (message) => {
      switch (message.$case) {
        case 'subscribe':
          return subscriptions.begin(message.value);
        case 'watch':
          return watches.begin(message.value);
        case 'unsubscribe':
          return subscriptions.end(message.value.topic, message.value.generation);
        case 'unwatch':
          return watches.end(message.value.id, message.value.generation);
        case 'publish':
          return answerPublish(message.value);
        default:
          return stream.handle(message);
      }
    },
    renewed: (newCaller) => {
      caller = newCaller;
      subscriptions.renewed(newCaller);
      watches.renewed(newCaller);
    },
    close: () => {
      subscriptions.close();
      watches.close();
    },
  };
}

/** Of the log: two users may choose the same id. */
function idOf(userId: string | undefined, requestId: string): string {
  return hash('sha256', JSON.stringify([userId, requestId]), 'base64url');
}
