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

export function positionOut({ epoch, offset, id }: TopicPosition) {
  return { epoch, offset: BigInt(offset), eventId: id };
}
