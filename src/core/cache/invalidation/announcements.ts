import { StoreDown } from '../../kit/store-down.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';

const topic = 'invalidated';

/**
 * Tells the other replicas what was invalidated, so that they act on it at once. Nothing is lost with a message: whoever reads an answer asks for its tags' versions.
 * @param from this replica: its own messages are not news to it
 */
export function announceInvalidations({ bus, log, from }: { readonly bus: Bus; readonly log: Log; readonly from: string }) {
  const leaving = new AbortController();
  const unheard = (error: unknown) => {
    if (!(error instanceof StoreDown)) log.error('An invalidation could not be announced.', { error: String(error) });
  };
  return {
    announce: (tags: readonly string[]): void => {
      bus.publish(topic, Buffer.from(JSON.stringify([from, ...tags]))).catch(unheard);
    },
    hear: (onTags: (tags: readonly string[]) => void): void => {
      const onMessage = (bytes: Uint8Array) => {
        const [by, ...tags] = JSON.parse(Buffer.from(bytes).toString()) as string[];
        if (by !== from) onTags(tags);
      };
      bus.subscribe(topic, { onMessage, onGap: () => {} }, leaving.signal).catch(() => {}); // given up only when we leave
    },
    close: () => leaving.abort(),
  };
}
