// The messages of a request whose body arrives in pieces, faster or slower than they are read.
import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { BytesValueSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { RequestMessage } from '../../core/kit/request-message.ts';
import { frame, nextFrame } from './length-prefixed-messages.ts';
import { ManyRequests } from './request-stream.ts';

const bytesMax = 1_000_000;
const encoded = (bytes: number) => toBinary(BytesValueSchema, create(BytesValueSchema, { value: new Uint8Array(bytes).fill(bytes % 251) }));

function requestsOf(input: Readable): ManyRequests {
  return new ManyRequests({
    input,
    next: (arrived) => nextFrame(arrived, bytesMax),
    read: ({ bytes }) => new RequestMessage(BytesValueSchema, bytes),
  });
}

test('messages are those of the body however it is cut, and whether its reader waits or is late', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
      async (sizes, cuts, pauses) => {
        const messages = sizes.map(encoded);
        const body = Buffer.concat(messages.map((message) => frame(0, message)));
        const input = new PassThrough();
        const send = async () => {
          for (let at = 0, i = 0; at < body.length; i++) {
            const end = at + (cuts[i % cuts.length] as number);
            if (!input.write(body.subarray(at, end))) await new Promise((drained) => input.once('drain', drained));
            at = end;
          }
          input.end();
        };
        const sent = send();
        const found: Uint8Array[] = [];
        for await (const message of requestsOf(input).each()) {
          for (let i = pauses[found.length % pauses.length] as number; i > 0; i--) await turn();
          found.push(message);
        }
        await sent;
        assert.deepEqual(
          found.map((bytes) => Buffer.from(bytes).toString('base64')),
          messages.map((bytes) => Buffer.from(bytes).toString('base64')),
        );
      },
    ),
    { numRuns: 50 },
  ));

test('a body is read no further ahead of its reader than some bytes, and on once it reads', async () => {
  const message = frame(0, encoded(10_000));
  let given = 0;
  const input = new Readable({ highWaterMark: 16_384, read: () => void input.push(given++ < 100 ? message : null) });
  const settled = async () => {
    for (let i = 0; i < 300; i++) await turn();
    return given * message.length;
  };
  const requests = requestsOf(input).each();
  const ahead = await settled();
  assert.ok(ahead < 150_000, `${ahead} bytes`);
  for (let read = 1; read <= 100; read++) {
    assert.equal((await requests.next()).done, false);
    if (read === 20) assert.ok((await settled()) < 150_000 + 20 * message.length);
  }
  assert.equal((await requests.next()).done, true);
});

test('after its reader has left, a body is read no further', async () => {
  const message = frame(0, encoded(1_000));
  let given = 0;
  const input = new Readable({ highWaterMark: 1_024, read: () => setImmediate(() => input.push(given++ < 1_000 ? message : null)) });
  const requests = requestsOf(input).each();
  await requests.next();
  await requests.return?.();
  for (let i = 0; i < 300; i++) await turn();
  assert.ok(given < 20, `${given} messages`);
});
