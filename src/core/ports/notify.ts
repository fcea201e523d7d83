import type { Notice } from './push-queue.ts';

/**
 * Pushes a notice to all devices of a user, and may be repeated: the same `requestId` of the same name pushes once
 * while the notice has not expired. Resolved when it is stored.
 * @returns how many devices it is for; 0 when pushes are off, too
 * @throws Fault REQUEST_INVALID for a notice that platforms would refuse, STORAGE_DOWN
 */
export type Notify = (
  userId: string,
  notice: Partial<Notice> & { readonly requestId?: string | undefined; readonly expireMs?: number | undefined },
) => Promise<number>;
