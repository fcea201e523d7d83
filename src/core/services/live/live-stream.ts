import { hash } from 'node:crypto';
import type { LiveHello, LivePublish, LiveRequest, Subscribe, Watch } from '../../../gen/portico/v1/live.ts';
import type { Caller, ReadyCall } from '../../ports/call.ts';
import { closeFor } from '../../streams/close-advice.ts';
import type { StreamHandler } from '../../streams/stream-service.ts';
import type { Stream } from '../../streams/stream.ts';
import { encode, positionOut } from './encode.ts';
import { closeOf, isDefect } from '../../streams/failures.ts';
import type { LiveParts } from './live-parts.ts';
import { checkListen, forbidden } from './namespaces.ts';
import { openStreamWatches, type StreamWatches } from './stream-watches.ts';
import { Subscriptions } from './subscriptions.ts';

/**
 * What the messages of one client do. A class, because every stream has one; what most streams do not use is made when
 * it is used.
 */
export class LiveStream implements StreamHandler<LiveRequest> {
  readonly #stream: Stream;
  readonly #call: ReadyCall;
  readonly #parts: LiveParts;
  #caller: Caller | undefined;
  #subscriptions: Subscriptions | undefined;
  #watches: StreamWatches | undefined;

  constructor(stream: Stream, call: ReadyCall, parts: LiveParts, { subscriptions, watches }: LiveHello) {
    this.#stream = stream;
    this.#call = call;
    this.#parts = parts;
    this.#caller = call.caller;
    for (const wish of subscriptions) if (!stream.signal.aborted) this.#subscribe(wish);
    for (const wish of watches) if (!stream.signal.aborted) this.#watch(wish);
  }

  async handle({ message }: LiveRequest): Promise<void> {
    if (message === undefined) return; // of a newer client
    switch (message.$case) {
      case 'hello':
        return this.#stream.close(closeFor('REQUEST_INVALID', 'hello is only the first message of a stream.'));
      case 'subscribe':
        return this.#subscribe(message.value);
      case 'watch':
        return this.#watch(message.value);
      case 'unsubscribe':
        return this.#subscriptions?.end(message.value.topic, message.value.generation);
      case 'unwatch':
        return this.#watches?.end(message.value.id, message.value.generation);
      case 'publish':
        return this.#answerPublish(message.value);
      default:
        return this.#stream.handle(message);
    }
  }

  renewed(caller: Caller): void {
    this.#caller = caller;
    this.#subscriptions?.renewed(caller);
    this.#watches?.renewed(caller);
  }

  close(): void {
    this.#subscriptions?.close();
    this.#watches?.close();
  }

  #subscribe(wish: Subscribe): void {
    this.#subscriptions ??= new Subscriptions(this.#stream, this.#call, this.#caller, this.#parts);
    this.#subscriptions.begin(wish);
  }

  #watch(wish: Watch): void {
    this.#watches ??= openStreamWatches(this.#stream, this.#call, this.#caller, this.#parts);
    this.#watches.begin(wish);
  }

  async #publish({ topic, requestId, payload, key }: LivePublish) {
    const caller = this.#caller;
    const { namespace, name } = this.#parts.topicOf(topic);
    const rule = checkListen({ namespace, name }, caller);
    const listens = this.#subscriptions?.isListening(topic) === true;
    if (!namespace.publish || caller?.kind !== 'user' || (rule !== undefined && !listens)) throw forbidden();
    const [position] = await this.#parts.publish([{ topic, payload, key, requestId: idOf(caller.userId, requestId) }]);
    return position && positionOut(position);
  }

  async #answerPublish(message: LivePublish): Promise<void> {
    const { requestId } = message;
    const answer = await this.#publish(message).then(
      (position) => ({ position, reason: '', message: '' }),
      (error: unknown) => {
        if (isDefect(error)) this.#parts.log.error('An event was not published by a defect.', { topic: message.topic, error });
        const { reason, message: text } = closeOf(error);
        return { position: undefined, reason, message: text };
      },
    );
    this.#stream.out.send(encode({ $case: 'published', value: { requestId, ...answer } }), 0);
  }
}

/** Of the log: two users may choose the same id. */
function idOf(userId: string | undefined, requestId: string): string {
  return hash('sha256', JSON.stringify([userId, requestId]), 'base64url');
}
