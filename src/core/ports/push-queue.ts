import type { PushProvider, PushToken } from './push-tokens.ts';

/** What a push is about. */
export type PushContent =
  | {
      readonly kind: 'message';
      readonly conversationId: string;
      readonly seq: number;
      /** The title of a group. Otherwise ''. */
      readonly title: string;
      readonly text: string;
    }
  /** The user has read a conversation up to a message elsewhere: its notifications can go. */
  | { readonly kind: 'read'; readonly conversationId: string; readonly seq: number }
  | { readonly kind: 'notice'; readonly noticeId: string; readonly notice: Notice };

/** What internal services and screens notify a user of. */
export type Notice = {
  /** Both empty: nothing is shown, and the app is woken if the platform lets it. */
  readonly title: string;
  readonly body: string;
  /** For the app. */
  readonly data: Readonly<Record<string, string>>;
  /** A later notice with the same id takes the place of one that is shown. Empty: it takes no place. */
  readonly collapseId: string;
};

/** A push that is to be sent now, with all that its platform needs. */
export type Push = {
  readonly id: string;
  readonly token: PushToken;
  readonly sessionId: string;
  readonly content: PushContent;
  /** Messages that the user has not read, in all conversations. */
  readonly badge: number;
  /** How often it was tried before, and was to be tried again. */
  readonly attempts: number;
  /** How often it may have been sent before: its lease ended without a record, or the platform's answer was lost. */
  readonly repeats: number;
  /** Milliseconds since 1970, by the clock of the database: how long it is of use, and what time it is. */
  readonly expiresAtMs: number;
  readonly nowMs: number;
};

/** What became of a push. */
export type PushResult = Pick<Push, 'id'> &
  (
    | { readonly became: 'sent' }
    /** It is not wanted, or its platform refuses it: it is not sent. */
    | { readonly became: 'dropped' }
    /** @param counts as an attempt @param mayBeSent as a repeat when it is sent again */
    | { readonly became: 'delayed'; readonly afterMs: number; readonly counts: boolean; readonly mayBeSent: boolean }
    /** The platform says that the token was dead at a time: a token that was registered later is not dropped. */
    | { readonly became: 'dead'; readonly sessionId: string; readonly token: string; readonly deadAtMs: number }
  );

/**
 * Pushes that wait in durable storage.
 *
 * Promises, in every adapter:
 * - A message is expanded once into a push for each device that wants it: none of the sender, none that has received or
 * read it, and none whose user has muted the conversation, hidden the message, blocked the sender, or left.
 * - A push is leased by one worker at a time. One whose lease ends without a result is leased again, and `repeats` says
 * so. A push is never lost before it is recorded or expires.
 * - A push that is leased is still wanted, as of the lease.
 * - When a user has read a conversation, each device that was sent pushes of what is read, but the one that read it, is
 * pushed once that it can clear them. What was being sent meanwhile is cleared, too.
 * - No more than `waitingMax` pushes wait for one device: others are not added.
 * - Times are those of the database, whatever the clocks of replicas show.
 */
export type PushQueue = {
  /** Expands messages that are due. @returns how many messages were */
  expand(most: number): Promise<{ readonly messages: number; readonly pushes: number }>;
  /** @returns the pushes, and how many were not wanted any more */
  lease(provider: PushProvider, most: number, leaseMs: number): Promise<{ readonly pushes: readonly Push[]; readonly unwanted: number }>;
  record(results: readonly PushResult[]): Promise<void>;
  /**
   * Adds a notice for all devices of a user. A repeat of the request key adds none until the notice expires, and at
   * least for `repeatMsLeast`.
   * @returns the number of devices
   */
  notify(userId: string, notice: Notice, options: { readonly requestKey: string | undefined; readonly expireMs: number }): Promise<number>;
  /** Deletes what has expired. @returns how many rows were deleted */
  forget(most: number): Promise<number>;
  /** How long the oldest message or push is due, in milliseconds. */
  lagMs(): Promise<number>;
};

/** A notice for all devices of a user. What is absent is empty. */
export type NewNotice = Partial<Notice> & {
  /**
   * An id of the notice for this user: a repeat until it expires, and at least for five minutes, pushes nothing new.
   * Absent: every call pushes.
   */
  readonly requestId?: string | undefined;
  /** For how long it is of use. Absent: `push.expire` of the settings. */
  readonly expireMs?: number | undefined;
};

/**
 * Pushes a notice to all devices of a user, connected or not. Resolved when it is stored; it is sent at least once.
 * @returns how many devices of the user can be pushed to; 0 when the server pushes nothing, too
 * @throws Fault REQUEST_INVALID for a notice that platforms would refuse, STORAGE_DOWN when the database did not
 * confirm it
 */
export type Notify = (userId: string, notice: NewNotice) => Promise<number>;
