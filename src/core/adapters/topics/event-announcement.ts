import type { Bus } from '../../ports/bus.ts';
import { checkLogTopic, type TopicEvent, type TopicLog } from '../../ports/topic-log.ts';

/**
 * An event on the bus: "1 epoch offset id publishedAtMs keyBytes previousId", a line feed, the key, the payload. A
 * larger one than the bus carries is only "0": read the log. The scripts of the Redis adapter write the same. Earlier
 * releases write no previousId, and ignore it.
 */
export const announcementFormat = '1';

/** An event, and the id of the one before it in the log: "" before the first, undefined where a release did not say. */
export type Announcement = { readonly event: TopicEvent; readonly previousId: string | undefined };

/** The bus topic of a topic's log. */
export const busTopicOf = (topic: string) => `t:${topic}`;

export function encodeAnnouncement({ event, previousId }: Announcement, bytesMax: number): Uint8Array {
  const { position, key, payload, publishedAtMs } = event;
  const { epoch, offset, id } = position;
  const keyBytes = Buffer.from(key);
  const header = Buffer.from(`${announcementFormat} ${epoch} ${offset} ${id} ${publishedAtMs} ${keyBytes.length} ${previousId}\n`);
  if (header.length + keyBytes.length + payload.length > bytesMax) return Buffer.from('0');
  return Buffer.concat([header, keyBytes, payload]);
}

/** @returns undefined for an announcement without its event, or of another release: the log has to be read */
export function decodeAnnouncement(bytes: Uint8Array): Announcement | undefined {
  const all = Buffer.from(bytes); // a copy: the bus may use the bytes again
  const headerEnd = all.indexOf(10);
  const [format, epoch = '', offset, id = '', publishedAtMs, keyLength, previousId] = all.toString('latin1', 0, Math.max(0, headerEnd)).split(' ');
  const payloadAt = headerEnd + 1 + Number(keyLength);
  if (format !== announcementFormat || !(payloadAt <= all.length)) return undefined;
  const event: TopicEvent = {
    position: { epoch, offset: Number(offset), id },
    key: all.toString('utf8', headerEnd + 1, payloadAt),
    payload: all.subarray(payloadAt),
    publishedAtMs: Number(publishedAtMs),
  };
  return { event, previousId };
}

/** Follows a topic by the announcements on the bus. */
export function followBy(bus: Bus): TopicLog['follow'] {
  return async (topic, { onEvent, onGap }, signal) => {
    checkLogTopic(topic);
    const onMessage = (bytes: Uint8Array) => {
      const announced = decodeAnnouncement(bytes);
      if (announced === undefined) onGap();
      else onEvent(announced.event, announced.previousId);
    };
    return bus.subscribe(busTopicOf(topic), { onMessage, onGap }, signal);
  };
}
