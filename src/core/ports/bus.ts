/** One who listens to a topic. Both are called synchronously, and have to be quick: they note what came and return. What they throw is logged, and touches nobody else. */
export type BusListener = {
  /** @param bytes only until it returns: whoever keeps them copies them */
  onMessage(bytes: Uint8Array): void;
  /** Messages may have been lost since the subscription was last whole. From here on they come again: read the truth anew now. */
  onGap(): void;
};

export type Subscription = {
  /** False from when it is noticed that messages may be getting lost, until `onGap` has told it. */
  isWhole(): boolean;
  /** No more calls to the listener from now on. */
  close(): void;
};

/**
 * News between replicas. Nobody's truth: whoever listens can read what is true elsewhere, and does so after a gap.
 *
 * Promises, in every adapter:
 * - A message published after `subscribe` has resolved is given to the listener at most once, or `onGap` is called within seconds.
 * - Messages of one publisher to one topic come in the order in which they were published, or a gap is told.
 * - A publisher's own subscriptions hear its messages too. Topics share nothing.
 * - Many listeners of one topic in a replica cost one subscription.
 * - Bounds: a message of `messageBytesMax` bytes, `topicsMax` topics in a replica, a topic of 1 to `topicLengthMax` characters.
 */
export type Bus = {
  /**
   * Resolved when the message is with whoever hands it on.
   * @throws StoreDown when that is not known; RangeError beyond a bound
   */
  publish(topic: string, bytes: Uint8Array): Promise<void>;
  /**
   * Resolved when confirmed: what is published after that is heard. While the store is gone it waits.
   * @param signal gives up waiting: the promise is rejected with its reason
   * @throws RangeError beyond a bound
   */
  subscribe(topic: string, listener: BusListener, signal?: AbortSignal): Promise<Subscription>;
};

export const messageBytesMax = 65_536;
export const topicsMax = 200_000;
export const topicLengthMax = 512;

/** @throws RangeError */
export function checkTopic(topic: string): void {
  if (topic.length < 1 || topic.length > topicLengthMax)
    throw new RangeError(`A topic has 1 to ${topicLengthMax} characters, this one ${topic.length}.`);
}

/** @throws RangeError */
export function checkMessage(bytes: Uint8Array): void {
  if (bytes.length > messageBytesMax) throw new RangeError(`A message has at most ${messageBytesMax} bytes, this one ${bytes.length}.`);
}

/** @throws RangeError */
export function checkTopics(count: number): void {
  if (count >= topicsMax) throw new RangeError(`A replica subscribes to at most ${topicsMax} topics.`);
}
