import type { Bus } from '../../ports/bus.ts';
import { type SpanContext, spanOf, spanText } from '../../ports/short-spans.ts';
import type { TopicEvent, TopicLog } from '../../ports/topic-log.ts';
import { checkLogTopic } from '../../ports/topic-log-limits.ts';

/**
 * An event on the bus: "1 epoch offset id publishedAtMs keyBytes previousId origin", a line feed, the key, the payload.
 * A larger one than the bus carries is only "0": read the log. The scripts of the Redis adapter write the same. Earlier
 * releases write no previousId, and ignore it. The origin is the span that has published it, and is left out where it
 * is not recorded; releases without it ignore it.
 */
export const announcementFormat = '1';

/**
 * An event, the id of the one before it in the log ("" before the first, undefined where a release did not say), and
 * the span that has published it.
 */
export type Announcement = { readonly event: TopicEvent; readonly previousId: string | undefined; readonly origin?: SpanContext | undefined };

/** The bus topic of a topic's log. */
export const busTopicOf = (topic: string) => `t:${topic}`;

export function encodeAnnouncement({ event, previousId, origin }: Announcement, bytesMax: number): Uint8Array {
  const { position, key, payload, publishedAtMs } = event;
  const { epoch, offset, id } = position;
  const keyBytes = Buffer.from(key);
  const header = Buffer.from(
    `${announcementFormat} ${epoch} ${offset} ${id} ${publishedAtMs} ${keyBytes.length} ${previousId}${origin === undefined ? '' : ` ${spanText(origin)}`}\n`,
  );
  if (header.length + keyBytes.length + payload.length > bytesMax) return Buffer.from('0');
  return Buffer.concat([header, keyBytes, payload]);
}

/** @returns undefined for an announcement without its event, or of another release: the log has to be read */
export function decodeAnnouncement(bytes: Uint8Array): Announcement | undefined {
  const all = Buffer.from(bytes); // a copy: the bus may use the bytes again
  const headerEnd = all.indexOf(10);
  const [format, epoch = '', offset, id = '', publishedAtMs, keyLength, previousId, origin] = all
    .toString('latin1', 0, Math.max(0, headerEnd))
    .split(' ');
  const payloadAt = headerEnd + 1 + Number(keyLength);
  if (format !== announcementFormat || !(payloadAt <= all.length)) return undefined;
  const event: TopicEvent = {
    position: { epoch, offset: Number(offset), id },
    key: all.toString('utf8', headerEnd + 1, payloadAt),
    payload: all.subarray(payloadAt),
    publishedAtMs: Number(publishedAtMs),
  };
  return { event, previousId, origin: spanOf(origin) };
}

/** Follows a topic by the announcements on the bus. */
export function followBy(bus: Bus): TopicLog['follow'] {
  return async (topic, { onEvent, onGap }, signal) => {
    checkLogTopic(topic);
    const onMessage = (bytes: Uint8Array) => {
      const announced = decodeAnnouncement(bytes);
      if (announced === undefined) onGap();
      else onEvent(announced.event, announced.previousId, announced.origin);
    };
    return bus.subscribe(busTopicOf(topic), { onMessage, onGap }, signal);
  };
}
