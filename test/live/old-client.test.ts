// Clients of another release: what one side does not know of the other's messages breaks nothing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, createFileRegistry, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { LiveResponse } from '../../src/gen/portico/v1/live.ts';
import { StreamResponse } from '../../src/gen/portico/v1/stream.ts';
import { signIn } from '../support/client/protocols.ts';
import { openWire } from '../support/client/wire.ts';
import { type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let server: LiveServer;
before(async () => {
  server = await openLiveServer();
});
after(() => server?.close());

/** LiveService as a release knew it that had only welcome and events, without ids and times. */
function oldRegistry() {
  const set = fromBinary(FileDescriptorSetSchema, fixtureRelease.descriptorSet);
  for (const file of set.file.filter(({ name }) => name === 'portico/v1/live.proto'))
    for (const message of file.messageType) {
      if (message.name === 'LiveResponse') message.field = message.field.filter(({ name }) => ['welcome', 'events'].includes(name));
      if (message.name === 'Event') message.field = message.field.filter(({ name }) => ['offset', 'payload'].includes(name));
    }
  return createFileRegistry(set);
}

const framed = (message: Uint8Array) => {
  const frame = Buffer.alloc(5 + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  return frame;
};

function messagesIn(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    if (at + 5 + length > bytes.length) break;
    messages.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return messages;
}

test('an old client ignores kinds and fields that it does not know; the server ignores those of a newer client', async () => {
  const registry = oldRegistry();
  const type = (name: string) => registry.getMessage(`portico.v1.${name}`) as DescMessage;
  const { headers } = await signIn(server, liveRegistry, 'alice');
  await using wire = await openWire(server);
  const stream = wire.open({
    ':method': 'POST',
    ':path': '/portico.v1.LiveService/Connect',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  let received = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  const hello = { message: { case: 'hello', value: { subscriptions: [{ topic: 'news:old' }] } } };
  stream.write(framed(toBinary(type('LiveRequest'), create(type('LiveRequest'), hello))));
  stream.write(framed(new BinaryWriter().tag(999, 2).string('of a newer release').finish())); // a kind of the future
  await until('two messages came', () => messagesIn(received).length >= 2);
  await server.publish({ topic: 'news:old', text: 'one' });
  await until('three messages came', () => messagesIn(received).length >= 3);
  const read = messagesIn(received).map(
    (bytes) => fromBinary(type('LiveResponse'), bytes) as unknown as { message: { case?: string; value?: never } },
  );
  assert.deepEqual(
    read.map(({ message }) => message.case),
    ['welcome', undefined, 'events'],
  );
  const { events } = (read[2]?.message.value ?? {}) as unknown as { events: readonly { offset: bigint; payload: Uint8Array }[] };
  assert.deepEqual([events[0]?.offset, Buffer.from(events[0]?.payload ?? []).toString()], [1n, 'one']);
  stream.close();
});

test('the messages that all streams have, have the same numbers in LiveResponse', () => {
  const closed = { $case: 'closed', value: { reason: 'R', message: 'm', advice: 1, delayMs: 5 } } as const;
  const kinds = [
    closed,
    { $case: 'heartbeat', value: { intervalMs: 7 } },
    { $case: 'goingAway', value: { delayMs: 1, closesInMs: 2 } },
    { $case: 'renewed', value: { endsAt: undefined, reason: 'R', message: '' } },
    { $case: 'welcome', value: { streamId: 's', heartbeatMs: 1, acknowledgeEvery: 2, serverTime: undefined, endsAt: undefined } },
  ] as const;
  for (const message of kinds) assert.deepEqual(LiveResponse.decode(StreamResponse.encode({ message }).finish()).message, message);
});
