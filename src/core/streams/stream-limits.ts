/** The bounds of streams. */
export type StreamLimits = {
  /** The interval of heartbeats, and the bounds of what a client may ask for. Milliseconds. */
  readonly heartbeatMs: number;
  /** Time for the first message. Milliseconds. */
  readonly helloMs: number;
  /** Bytes that may wait for one client. */
  readonly bytesMax: number;
  /** Events and snapshots that a client may leave unacknowledged before it is sent no more. */
  readonly unacknowledgedMax: number;
  /** How long a client may take nothing that waits for it. Milliseconds. */
  readonly stalledMs: number;
  /** Messages of one client in a second, on average; it may send ten times as many at once. */
  readonly messagesPerSecond: number;
  /** Streams of one user at this replica, and of one IPv4 address or IPv6 /64 network. */
  readonly perUser: number;
  readonly perAddress: number | undefined;
  /**
   * Streams, subscriptions and watches that one user begins in a second at this replica, on average; a hundred times
   * as many at once.
   */
  readonly beginsPerSecond: number;
};

/** How many seconds' messages, and begins, may come at once. */
export const messageBurstS = 10;
export const beginBurstS = 100;
/** The settings of streams. Times in milliseconds. */
export type StreamSettings = Pick<StreamLimits, 'bytesMax' | 'unacknowledgedMax' | 'messagesPerSecond' | 'beginsPerSecond'> & {
  /** Bytes that may wait for all clients together. */
  readonly queuedBytes: number;
  readonly heartbeat: number;
  readonly hello: number;
  readonly stalled: number;
  readonly streamsPerUser: number;
  readonly streamsPerAddress?: number | undefined;
};

export function streamLimits({ heartbeat, hello, stalled, streamsPerUser, streamsPerAddress, ...same }: StreamSettings): StreamLimits {
  const { bytesMax, unacknowledgedMax, messagesPerSecond, beginsPerSecond } = same;
  const times = { heartbeatMs: heartbeat, helloMs: hello, stalledMs: stalled };
  return { ...times, bytesMax, unacknowledgedMax, messagesPerSecond, beginsPerSecond, perUser: streamsPerUser, perAddress: streamsPerAddress };
}
