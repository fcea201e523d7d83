import { UploadRequest } from '../../../gen/portico/v1/media.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';

export type UploadMessages = Disposable & {
  /**
   * @returns undefined: the request has ended
   * @throws Fault UPLOAD_INCOMPLETE when it takes too long; the reason of the signal
   */
  next(): Promise<UploadRequest | undefined>;
};

type UploadMessagesParts = {
  readonly clock: Clock;
  /** How long a message may take. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
};

/** The messages of an upload. One timer and one listener serve them all: it may have thousands. */
export function uploadMessages(messages: AsyncIterator<Uint8Array>, { clock, idleMs, signal }: UploadMessagesParts): UploadMessages {
  let giveUp: ((error: unknown) => void) | undefined;
  let sinceMs = 0;
  let cancel: (() => void) | undefined;
  const look = () => {
    cancel = undefined;
    if (giveUp === undefined) return;
    const leftMs = sinceMs + idleMs - clock.monotonicMs();
    if (leftMs > 0) cancel = clock.after(leftMs, look);
    else giveUp(new Fault('UPLOAD_INCOMPLETE', 'No bytes came for too long: resume at the offset that GetUpload gives.'));
  };
  const left = () => giveUp?.(signal.reason);
  signal.addEventListener('abort', left, { once: true });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        giveUp = reject;
        sinceMs = clock.monotonicMs();
        cancel ??= clock.after(idleMs, look);
        const came = ({ done, value }: IteratorResult<Uint8Array>) => {
          giveUp = undefined;
          resolve(done ? undefined : UploadRequest.decode(value));
        };
        messages.next().then(came).catch(reject);
      }),
    [Symbol.dispose]: () => {
      cancel?.();
      signal.removeEventListener('abort', left);
    },
  };
}
