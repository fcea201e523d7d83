import { hash } from 'node:crypto';
import { partitionOf, partitionTags } from '../../kit/partitions.ts';

/** The beginning of every key and channel of a topic of the bus: all of them lie in one slot. */
export const placeOf = (prefix: string, busTopic: string) => `${prefix}{${partitionTags[partitionOf(busTopic)]}}`;

/** The channel of a topic of the bus. */
export const busChannel = (prefix: string, busTopic: string) => `${placeOf(prefix, busTopic)}.${busTopic}`;

/** 132 bits of SHA-256: keys of any length, and no braces. */
const short = (key: string) => hash('sha256', Buffer.from(key, 'utf16le'), 'base64url').slice(0, 22);

/** The key of an entry. */
export function entryKey(prefix: string, key: string): string {
  return `${prefix}{${short(key)}}e`;
}

/** The key of an entry's lease, in the same slot, so that one script may use both. */
export function leaseKey(prefix: string, key: string, name: string): string {
  return `${prefix}{${short(key)}}l:${name}`;
}
