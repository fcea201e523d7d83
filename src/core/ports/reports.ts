import type { Sender } from './chat.ts';

export const reportReasons = ['spam', 'harassment', 'hate', 'violence', 'sexual', 'self_harm', 'fraud', 'other'] as const;
export type ReportReason = (typeof reportReasons)[number];

/** Which message a user reports, and why. */
export type Reported = {
  readonly conversationId: string;
  readonly seq: number;
  readonly reason: ReportReason;
  /** The user's own words: 1,000 characters at most. */
  readonly comment: string;
};

/** A report that is to be delivered, with the message as its reporter saw it. */
export type Report = Reported & {
  readonly id: string;
  readonly reporterId: string;
  readonly reportedAtMs: number;
  readonly kind: 'direct' | 'group';
  readonly subject: string;
  readonly sender: Sender;
  readonly text: string;
  readonly data: Uint8Array;
  readonly sentAtMs: number;
  readonly attachmentIds: readonly string[];
  /** How often it was tried before. */
  readonly attempts: number;
};

/**
 * Reports of messages in durable storage, which wait to be delivered.
 *
 * Promises, in every adapter:
 * - A user reports a message once: a repeat changes nothing, also after the message is not there any more.
 * - Only who sees a message reports it. What the message says is kept as it was then, until the report is delivered.
 * - A report is leased by one worker at a time, and is never lost before it is recorded as delivered.
 */
export type Reports = {
  /** @throws Fault CONVERSATION_UNKNOWN, MESSAGE_UNKNOWN, STORAGE_DOWN */
  report(reporterId: string, reported: Reported): Promise<void>;
  /** Those that are due, which are due again after the lease. */
  lease(most: number, leaseMs: number): Promise<readonly Report[]>;
  /** The report is delivered: what it says is not kept any more. */
  delivered(id: string): Promise<void>;
  /** It is tried again after this. */
  delay(id: string, afterMs: number): Promise<void>;
  /** How many wait, counted to 10,000, and how long the oldest one has waited. */
  waiting(): Promise<{ readonly count: number; readonly oldestMs: number }>;
};
