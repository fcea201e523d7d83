/** Who delivers pushes to devices: Apple's Push Notification service, or Firebase Cloud Messaging. */
export type PushProvider = 'apns' | 'fcm';

/** A time of each day in which pushes make no sound, in minutes since midnight. */
export type QuietHours = { readonly timeZone: string; readonly fromMinute: number; readonly toMinute: number };

/** Where a device is pushed to. */
export type PushToken = {
  readonly provider: PushProvider;
  readonly token: string;
  /** The bundle id of an app on an Apple device. Otherwise ''. */
  readonly topic: string;
  /** Of a development build on an Apple device. */
  readonly sandbox: boolean;
  readonly quietHours: QuietHours | undefined;
};

/**
 * Push tokens in durable storage.
 *
 * Promises, in every adapter:
 * - A session has at most one token, and a token belongs to one session: the last that registered it.
 * - A session that ends, whichever way, has no token from then on, and what waits for it is not sent.
 * - A user has at most `tokensOfUserMax`: the ones that were registered longest ago are dropped.
 * - Every method throws Fault STORAGE_DOWN when the database is unavailable.
 */
export type PushTokens = {
  /**
   * @param device by which chat knows what the device has received
   * @returns false: the session has ended, or is not the user's
   */
  register(session: { readonly sessionId: string; readonly userId: string }, device: string, token: PushToken): Promise<boolean>;
  /** The session has no token afterwards. */
  drop(sessionId: string): Promise<void>;
};
