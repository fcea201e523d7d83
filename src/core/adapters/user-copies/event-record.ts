import type { TopicEvent } from '../../ports/topic-log.ts';
import type { UserRecord } from '../../ports/user-data.ts';

/** An event of a user's own topic in an export. */
export function eventRecord(topic: string, { key, payload, publishedAtMs }: Pick<TopicEvent, 'key' | 'payload' | 'publishedAtMs'>): UserRecord {
  const data = { topic, key, payload: Buffer.from(payload).toString('base64'), publishedAt: new Date(publishedAtMs) };
  return { kind: 'event', data };
}
