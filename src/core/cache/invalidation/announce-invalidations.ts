import { StoreDown } from '../../kit/store-down.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';

const topic = 'invalidated';
/** Tags of one message: of 256 bytes, each of which JSON may write as two, they fit in one of the bus (64 KiB). */
const tagsAtOnce = 100;

/**
 * Publishes invalidations to the other replicas, so that they react at once. A lost message loses nothing, because
 * every reader of an answer reads its tags' versions.
 * @param from this replica: it ignores its own messages
 */
export function announceInvalidations({ bus, log, from }: { readonly bus: Bus; readonly log: Log; readonly from: string }) {
  const leaving = new AbortController();
  const failed = (error: unknown) => {
    if (!(error instanceof StoreDown)) log.error('An invalidation could not be announced.', { error: String(error) });
  };
  return {
    /** @param tags undefined: all */
    announce: (tags: readonly string[] | undefined): void => {
      const publish = (some: readonly string[]) => bus.publish(topic, Buffer.from(JSON.stringify([from, ...some]))).catch(failed);
      if (tags === undefined) return void publish([]);
      for (let i = 0; i < tags.length; i += tagsAtOnce) void publish(tags.slice(i, i + tagsAtOnce));
    },
    receive: (onTags: (tags: readonly string[] | undefined) => void): void => {
      const onMessage = (bytes: Uint8Array) => {
        const [by, ...tags] = JSON.parse(Buffer.from(bytes).toString()) as string[];
        if (by !== from) onTags(tags.length === 0 ? undefined : tags);
      };
      bus.subscribe(topic, { onMessage, onGap: () => onTags(undefined) }, leaving.signal).catch(() => {}); // ended only by closing
    },
    close: () => leaving.abort(),
  };
}
