/**
 * A subscriber of a topic. Both functions are called synchronously and must return fast: they record the message and
 * return. An error that they throw is logged, and affects no other subscriber.
 */
export type BusListener = {
  /** @param bytes valid only until it returns; copy them to keep them */
  onMessage(bytes: Uint8Array): void;
  /**
   * Messages may have been lost since the subscription last worked. It works again now: read the source of truth again.
   */
  onGap(): void;
};

export type Subscription = {
  /** False from the detection of a possible loss of messages until `onGap` was called. */
  isWhole(): boolean;
  /** Ends all calls to the subscriber. */
  close(): void;
};

/**
 * Events between replicas. The bus carries no state: every subscriber has a source of truth, and reads it after a gap.
 *
 * Promises, in every adapter:
 * - A message published after `subscribe` has resolved is delivered to the subscriber at most once, or `onGap` is
 * called within seconds.
 * - Messages of one publisher to one topic are delivered in the order of publication, or `onGap` is called.
 * - A publisher's own subscriptions receive its messages too. Topics are independent.
 * - Many subscribers of one topic in a replica cost one subscription.
 * - Bounds: a message of `messageBytesMax` bytes, `topicsMax` topics in a replica, a topic of 1 to `topicLengthMax`
 * characters.
 */
export type Bus = {
  /**
   * Resolved when the broker has the message.
   * @returns how many subscriptions it was delivered to. With 0 there may be a subscriber all the same, whose
   * subscription is interrupted or just moving.
   * @throws StoreDown when that is not known; RangeError beyond a bound
   */
  publish(topic: string, bytes: Uint8Array): Promise<number>;
  /**
   * Resolved when confirmed: messages that are published afterwards are received. It waits while the store is
   * unavailable.
   * @param signal ends the wait: the promise is rejected with its reason
   * @throws RangeError beyond a bound
   */
  subscribe(topic: string, listener: BusListener, signal?: AbortSignal): Promise<Subscription>;
};
