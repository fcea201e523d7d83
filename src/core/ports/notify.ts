import type { Notice } from './push-queue.ts';

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
