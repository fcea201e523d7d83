import type { SpanContext } from './short-spans.ts';

/** `messaging.destination.template` of spans. */
export const conversationTemplate = 'conversation:{id}';

/** A conversation, or a user: its events, or the user's own changes, are numbered without a hole. */
export type ChatSubject = { readonly conversationId: string } | { readonly userId: string };

/** What happened, for streams at all replicas. */
export type Announced = {
  /** Of what happened: the first and the last number. Undefined: it has none, and is never kept. */
  readonly seqs?: readonly [first: number, last: number] | undefined;
  /** Users who ceased to be members of the conversation. */
  readonly left?: readonly string[];
  /** Whose streams are not sent it. */
  readonly except?: string;
  /** Others whose streams are not sent it, because one of both has blocked the other. */
  readonly notFor?: readonly string[];
  /** The oldest of the earlier messages that it is about, such as an edit: some members may not see them. */
  readonly about?: number;
  /** The users whose words it has: whoever has blocked one of them is not sent them. */
  readonly by?: readonly string[];
  /** Of an own change: its conversation, and whether the user has hidden messages in it. */
  readonly own?: { readonly conversationId: string; readonly hides: boolean };
  /** The recorded spans that have sent it. */
  readonly origins?: readonly SpanContext[];
  /** For clients, encoded once. Empty, or too large to be carried: it has to be read. */
  readonly message: Uint8Array;
};

/** All functions are called synchronously and must return fast. */
export type ChatListener = {
  /** Of its stream. */
  readonly span?: SpanContext;
  onAnnounced(announced: Announced): void;
  /** The newest number: whoever has less reads what is missing. */
  onTop(seq: number): void;
  /** The database has another history than before: what was announced may not be in it. */
  onReplaced?(): void;
};

/**
 * Announcements of what is stored elsewhere.
 *
 * Promises:
 * - This replica receives announcements in the order of the calls, at once unless one may be of a restored database.
 * - A listener at another replica receives it, or `onTop` within seconds after the shared store works again. An
 * announcement that was lost without trace is found by `onTop` within a minute.
 * - `onTop` follows each `follow`, so that following first and reading afterwards leaves no gap.
 * - `onReplaced` comes within a minute after the shared store has lost what was announced, as far as it says so.
 */
export type ChatAnnouncements = {
  /** Never throws. */
  announce(subject: ChatSubject, announced: Announced): void;
  /** Many listeners of a subject in a replica cost one subscription. @returns ends it */
  follow(subject: ChatSubject, listener: ChatListener): () => void;
  close(): void;
};
