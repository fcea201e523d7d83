// A forwarded request that no step reads has the same bounds as one that is decoded: of each kind of call, by each
// protocol. Otherwise the internal service would pay for what the server refuses for itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { requestBounds } from '../../src/core/kit/request-complexity.ts';
import { framed } from '../support/upstream/raw-upstream.ts';
import { type Messages, openMessages } from './harness.ts';

let messages: Messages;
before(async () => {
  messages = await openMessages();
  messages.upstream.answer = ({ stream }) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.resume().on('end', () => stream.end(framed(Buffer.alloc(0))));
  };
});
after(async () => messages?.[Symbol.asyncDispose]());

const { fields, unknownFields, depth } = requestBounds;
const sized = (tag: number, bytes: Uint8Array): Buffer => {
  const { length } = bytes;
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14]), bytes]);
};
/** Crate.inner with a label: two fields each. */
const crates = (count: number) => Buffer.alloc(5 * count, Buffer.from([0x0a, 3, 0x12, 1, 0x61]));
const deep = (levels: number) => {
  let bytes: Buffer = Buffer.alloc(0);
  for (let i = 1; i < levels; i++) bytes = sized(0x0a, bytes);
  return Buffer.concat([bytes, Buffer.from([0x12, 0])]);
};
/** Of a field 99. */
const strange = (count: number) => sized(0x0a, Buffer.alloc(3 * count, Buffer.from([0x98, 0x06, 0])));

type Row = readonly [bound: keyof typeof requestBounds, atBound: Buffer, beyond: Buffer];
const rows: readonly Row[] = [
  ['fields', crates(fields / 2), crates(fields / 2 + 1)],
  ['depth', deep(depth), deep(depth + 1)],
  ['unknownFields', strange(unknownFields), strange(unknownFields + 1)],
];
const labels = (count: number) => Buffer.from(`{"labels":[${Array.from({ length: count }, () => '"a"').join()}]}`);
const deepJson = (levels: number) => Buffer.from(`${'{"inner":['.repeat(levels - 1)}{}${']}'.repeat(levels - 1)}`);
/** JSON has a bound of its own for unknown names. */
const jsonRows: readonly Row[] = [
  ['fields', labels(fields), labels(fields + 1)],
  ['depth', deepJson(depth), deepJson(depth + 1)],
];

const kinds = ['Unary', 'ServerStream', 'ClientStream', 'BidiStream'] as const;
const forms = ['application/grpc', 'application/grpc-web', 'application/grpc-web-text', 'connect proto', 'connect json'] as const;
const said = async (kind: (typeof kinds)[number], form: (typeof forms)[number], message: Buffer): Promise<string> => {
  const isConnect = form.startsWith('connect ');
  const name = form.slice('connect '.length);
  const contentType = isConnect ? `application/${kind === 'Unary' ? '' : 'connect+'}${name}` : form;
  const body = isConnect && kind === 'Unary' ? message : framed(message);
  const {
    headers,
    trailers,
    body: answer,
  } = await messages.wire.ask(
    { ':path': `/messages.v1.RelayService/${kind}`, 'content-type': contentType, te: 'trailers' },
    form === 'application/grpc-web-text' ? body.toString('base64') : body,
  );
  const text = form === 'application/grpc-web-text' ? Buffer.from(answer.toString(), 'base64').toString('latin1') : answer.toString('latin1');
  return `${JSON.stringify([headers, trailers])} ${text}`.replaceAll('%20', ' ');
};

const texts = {
  fields: `more than ${fields} fields`,
  depth: `more than ${depth} levels deep`,
  unknownFields: `more than ${unknownFields} fields that`,
};
for (const kind of kinds)
  for (const form of forms)
    test(`${kind} by ${form}: a forwarded request passes at each bound, and one more is too complex`, async () => {
      for (const [bound, atBound, beyond] of form === 'connect json' ? jsonRows : rows) {
        assert.doesNotMatch(await said(kind, form, atBound), /more than/, `${bound}: at the bound`);
        const refused = await said(kind, form, beyond);
        assert.ok(refused.includes(texts[bound]), `${bound}: ${refused}`);
      }
    });
