// The events of the benchmark: a payload for each number, and what a client expects of a message.
import { createHash } from 'node:crypto';
import { LiveResponse } from '../../../src/gen/portico/v1/live.ts';

export const topic = 'bench:all';
export const payloadBytes = 200;

/** The payload of event n: its number, and bytes that depend on it. */
export function payloadOf(n: number): Buffer {
  const payload = Buffer.alloc(payloadBytes);
  payload.writeUInt32BE(n);
  for (let at = 4, i = 0; at < payloadBytes; at += 32, i++) createHash('sha256').update(`${n} ${i}`).digest().copy(payload, at);
  return payload;
}

/** The message that Portico would send for events from n on. */
export function eventsMessage(n: number, count: number): Uint8Array {
  const events = Array.from({ length: count }, (_, i) => ({
    offset: BigInt(n + i),
    id: 'abcdefghijkl',
    key: '',
    payload: payloadOf(n + i),
    publishedAt: new Date(1_800_000_000_000 + n),
  }));
  return LiveResponse.encode({ message: { $case: 'events', value: { topic, events } } }).finish();
}

/** What a bare server sends first. */
export function subscribedMessage(): Uint8Array {
  const value = { topic, generation: 1, recovered: false, position: undefined };
  return LiveResponse.encode({ message: { $case: 'subscribed', value } }).finish();
}

/** A message with its gRPC prefix. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.byteLength);
  bytes.writeUInt32BE(message.byteLength, 1);
  bytes.set(message, 5);
  return bytes;
}
