import { LiveResponse } from '../../../gen/portico/v1/live.ts';
import type { TopicEvent, TopicPosition } from '../../ports/topic-log.ts';

/** A message of the server as bytes, which many clients may share. */
export function encode(message: NonNullable<LiveResponse['message']>): Uint8Array {
  return LiveResponse.encode({ message }).finish();
}

export function encodeEvents(topic: string, events: readonly TopicEvent[]): Uint8Array {
  return encode({
    $case: 'events',
    value: {
      topic,
      events: events.map(({ position: { offset, id }, key, payload, publishedAtMs }) => ({
        offset: BigInt(offset),
        id,
        key,
        payload,
        publishedAt: new Date(publishedAtMs),
      })),
    },
  });
}

const pages = new WeakMap<readonly TopicEvent[], Uint8Array>();

/** The same of a page that many clients read: encoded once for all of them. */
export function encodePage(topic: string, events: readonly TopicEvent[]): Uint8Array {
  const encoded = pages.get(events) ?? encodeEvents(topic, events);
  pages.set(events, encoded);
  return encoded;
}

export function positionOut({ epoch, offset, id }: TopicPosition) {
  return { epoch, offset: BigInt(offset), eventId: id };
}
