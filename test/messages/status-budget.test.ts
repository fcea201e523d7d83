// Everything that leaves has a size: status, text, details and metadata together stay within one budget, whoever wrote
// them, and the code always arrives.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { BadRequest, ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { assertWellFormed, type Reply } from '../fuzz/well-formed.ts';
import { reply, trailersOnly } from '../support/upstream/raw-upstream.ts';
import {
  assertWithinBudget,
  type Budget,
  budgetBytes,
  forward,
  fromPage,
  headersOf,
  openBudget,
  pieces,
  sizesBy,
  streamForms,
  unaryForms,
} from './budget.ts';

let budget: Budget;
before(async () => {
  budget = await openBudget();
});
after(() => budget?.[Symbol.asyncDispose]());

const texts = fc
  .tuple(fc.constantFrom('x', '^', '%', '"', '\u0001', 'ü', '😀', ' a\\'), fc.oneof(fc.nat(100), fc.nat(4_000)))
  .map(([piece, times]) => piece.repeat(times));
const kinds = ['ErrorInfo', 'BadRequest', 'other', 'types in JSON', 'nothing'] as const;
type Given = { readonly kind: (typeof kinds)[number]; readonly bytes: number };
const given = fc.array(fc.record({ kind: fc.constantFrom(...kinds), bytes: fc.oneof(fc.nat(100), fc.nat(6_000)) }), { maxLength: 4 });
const values = sizesBy(['x-fixture-header', 'x-fixture-bin', 'x-fixture-trailer', 'x-fixture-trailer-bin', 'x-first', 'x-last', 'x-unnamed']);
const metadata = fc.record({ initial: values, trailing: values, piece: fc.constantFrom(...pieces), from: fc.constantFrom({}, fromPage) });
const codes = fc.integer({ min: 1, max: 16 });

function detailsOf({ kind, bytes }: Given): Status['details'] {
  const any = (type: string, value: Uint8Array) => ({ typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) });
  switch (kind) {
    case 'ErrorInfo':
      return [any('google.rpc.ErrorInfo', ErrorInfo.encode({ reason: 'R', domain: 'd', metadata: new Map([['text', 'x'.repeat(bytes)]]) }).finish())];
    case 'BadRequest':
      return [
        any(
          'google.rpc.BadRequest',
          BadRequest.encode({ fieldViolations: [{ field: 'x'.repeat(bytes), description: '', reason: '', localizedMessage: undefined }] }).finish(),
        ),
      ];
    case 'types in JSON': // which take more bytes there than in protobuf
      return [any('"'.repeat(bytes / 2), Buffer.alloc(0)), { typeUrl: '\u0001'.repeat(bytes / 4), value: Buffer.alloc(0) }];
    case 'nothing':
      return Array.from({ length: bytes / 4 }, () => ({ typeUrl: '', value: Buffer.alloc(0) }));
    case 'other':
      return [any('example.Unknown', Buffer.alloc(bytes, 1))];
  }
}

test('what takes more bytes in JSON than in protobuf counts as in JSON: details of an internal service, of any types', async () => {
  for (const kind of ['types in JSON', 'nothing'] as const)
    for (const bytes of [400, 3_000, 6_000]) {
      const status = Status.encode({
        code: 5,
        message: '',
        details: [...detailsOf({ kind, bytes }), ...detailsOf({ kind: 'ErrorInfo', bytes: 10 })],
      });
      const details = Buffer.from(status.finish()).toString('base64');
      budget.upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '5', 'grpc-status-details-bin': details });
      for (const method of ['Unary', 'ServerStream'])
        await budget.byAll(forward + method, (code, received, form) => {
          assert.equal(code, 5, `${form} ${kind} ${bytes}`);
          if (form.startsWith('application/connect') || form === 'application/json')
            assert.match(received.body.toString('latin1'), /google\.rpc\.ErrorInfo/, 'what a client needs most remains');
        });
    }
});

test('an internal service may give a status any sizes: the sum stays within the budget, and the code arrives', async () => {
  await fc.assert(
    fc.asyncProperty(codes, texts, given, metadata, fc.boolean(), async (code, text, given, { initial, trailing, piece, from }, only) => {
      const status = Status.encode({ code, message: text, details: given.flatMap(detailsOf) }).finish();
      const trailers = {
        'grpc-status': String(code),
        'grpc-message': encodeURIComponent(text),
        ...(given.length > 0 && { 'grpc-status-details-bin': Buffer.from(status).toString('base64') }),
        ...headersOf(trailing, piece),
      };
      budget.upstream.answer = (call) => (only ? trailersOnly(call, trailers) : reply(call, { headers: headersOf(initial, piece), trailers }));
      const total = JSON.stringify(trailers).length;
      const check = (came: number, _: Reply, form: string) => {
        if (total < 60_000)
          assert.equal(came, code, form); // a longer block ends the call to the service
        else assert.notEqual(came, 0, form);
      };
      for (const method of ['Unary', 'ServerStream']) await budget.byAll(forward + method, check, from);
    }),
    { numRuns: 40 },
  );
});

test('what was sent before an error counts: no sizes of initial metadata and details go past the budget together', async () => {
  for (let sent = 0; sent <= 7_000; sent += 350) {
    // In base64, and as JSON beside it in the errors of Connect: sizes around what just fits.
    const fits = Math.max(0, Math.floor((budgetBytes - 700 - sent) / (4 / 3 + 1)));
    for (const off of [-350, -250, -150, -50, 50, 250]) {
      const details = detailsOf({ kind: 'ErrorInfo', bytes: Math.max(0, fits + off) });
      const status = Status.encode({ code: 1, message: '', details }).finish();
      budget.upstream.answer = (call) =>
        reply(call, {
          headers: { 'x-fixture-header': 'v'.repeat(sent) },
          trailers: { 'grpc-status': '1', 'grpc-status-details-bin': Buffer.from(status).toString('base64') },
        });
      await budget.byAll(`${forward}ServerStream`, (code, _, form) => assert.equal(code, 1, `${form} ${sent} ${off}`));
    }
  }
});

const refusedHeaders: readonly (readonly [what: string, headers: Record<string, string>])[] = [
  ['a key with "_"', { [`a_${'^'.repeat(12_000)}`]: 'v' }],
  ['a value that is too long', { [`${'^'.repeat(6_000)}`]: 'v'.repeat(5_000) }],
  ['a value that is no ASCII', { [`${'^'.repeat(9_000)}`]: '\u00e9' }],
  ['a value that is no base64', { [`${'^'.repeat(9_000)}-bin`]: '%' }],
];
for (const [what, headers] of refusedHeaders)
  test(`${what}, of thousands of bytes, is one INVALID_ARGUMENT, and harms no other call of the connection`, async () => {
    budget.upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(0)] });
    const { session } = budget.wire;
    await budget.byAll(`${forward}Unary`, (code, _, form) => assert.equal(code, 3, form), { headers });
    await budget.byAll(`${forward}ServerStream`, (code, _, form) => assert.equal(code, 3, form), { headers });
    await budget.byAll(`${forward}Unary`, (code, _, form) => assert.equal(code, 0, form));
    assert.equal(session.closed, false);
  });

test('a path of thousands of bytes is one UNIMPLEMENTED', async () => {
  for (const path of [`/a/${'^'.repeat(12_000)}`, `/${'%'.repeat(12_000)}`])
    for (const [form, contentType, body] of [...unaryForms, ...streamForms]) {
      const received = await budget.wire.ask({ ':path': path, 'content-type': contentType, te: 'trailers' }, body);
      assertWithinBudget(received, form);
      if (form !== 'connect-unary' && form !== 'connect-stream') assert.equal(assertWellFormed(form, received, 'foreign'), 12);
    }
});

test("an internal service's text of 72 KB is one error with a code, and harms no other call", async () => {
  budget.upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '5', 'grpc-message': 'x'.repeat(72_000) });
  for (const method of ['Unary', 'ServerStream']) await budget.byAll(forward + method, (code, _, form) => assert.notEqual(code, 0, form));
  budget.upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '5', 'grpc-message': '%F0%9F%98%80'.repeat(4_000) });
  for (const method of ['Unary', 'ServerStream']) await budget.byAll(forward + method, (code, _, form) => assert.equal(code, 5, form));
  budget.upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(0)] });
  await budget.byAll(`${forward}Unary`, (code, _, form) => assert.equal(code, 0, form));
});
