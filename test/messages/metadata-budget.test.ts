// The metadata of an answer has the size of a status at most, whoever wrote it, and together with the error that may follow.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Metadata } from 'nice-grpc-common';
import { Fault } from '../../src/core/kit/fault.ts';
import { StatusError } from '../../src/core/kit/status-error.ts';
import type { Reply } from '../fuzz/well-formed.ts';
import { reply } from '../support/upstream/raw-upstream.ts';
import { type Budget, echo, follow, forward, fromPage, headersOf, openBudget, pieces, sizesBy } from './budget.ts';

let budget: Budget;
before(async () => {
  budget = await openBudget();
});
after(() => budget?.[Symbol.asyncDispose]());

const passedOn = sizesBy(['x-fixture-header', 'x-fixture-bin', 'x-fixture-trailer', 'x-fixture-trailer-bin', 'x-first', 'x-last', 'x-unnamed']);
const piece = fc.constantFrom(...pieces);
const from = fc.constantFrom({}, fromPage);

test('an internal service may give a good answer any metadata: what fits is passed on', async () => {
  await fc.assert(
    fc.asyncProperty(passedOn, passedOn, piece, from, async (initial, trailing, piece, from) => {
      const answer = { headers: headersOf(initial, piece), messages: [Buffer.alloc(0)], trailers: headersOf(trailing, piece) };
      budget.upstream.answer = (call) => reply(call, answer);
      for (const method of ['Unary', 'ServerStream']) await budget.byAll(forward + method, (code, _, form) => assert.equal(code, 0, form), from);
    }),
    { numRuns: 40 },
  );
});

test('texts that take more bytes in JSON count as in JSON, at either end and before an error', async () => {
  for (const piece of pieces)
    for (const bytes of [1_000, 3_400, 3_600, 5_000, 6_900, 7_100])
      for (const where of ['headers', 'trailers'] as const)
        for (const status of ['0', '5']) {
          const trailers = { 'grpc-status': status, 'grpc-message': '"'.repeat(2_000) };
          const own = headersOf({ 'x-fixture-header': bytes, 'x-fixture-trailer': bytes }, piece);
          const answer = where === 'headers' ? { headers: own, trailers } : { trailers: { ...own, ...trailers } };
          budget.upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(0)], ...answer });
          for (const method of ['Unary', 'ServerStream'])
            await budget.byAll(forward + method, (code, _, form) => assert.equal(code, Number(status), `${form} ${where} ${bytes}`));
        }
});

/** Own metadata from sizes: nice-grpc has no tabs. */
const ownOf = (sizes: Readonly<Record<string, number>>, piece: string) => {
  const metadata = Metadata();
  for (const [key, size] of Object.entries(sizes)) metadata.set(key, (key.endsWith('-bin') ? Buffer.alloc(size, 7) : piece.repeat(size)) as never);
  return metadata;
};
const reasonOf = ({ headers, trailers, body }: Reply) => {
  const all = `${JSON.stringify(headers)} ${JSON.stringify(trailers)} ${body.toString('latin1')}`;
  const encoded = /grpc-status-details-bin"?:\s?"?([\w+/]+)/.exec(all)?.[1] ?? /"value":\s*"([\w+/]+)/.exec(all)?.[1];
  return Buffer.from(encoded ?? '', 'base64')
    .toString('latin1')
    .match(/[A-Z]+(?:_[A-Z]+)+/)?.[0];
};

test("a handler's own metadata that does not fit is an error by its name, in either form and at either end", async () => {
  for (const where of ['metadata', 'trailers'] as const) {
    const own = { metadata: Metadata(), trailers: Metadata() };
    budget.own = own;
    own[where].set('x-own', 'v'.repeat(6_000));
    for (const path of [echo, follow]) await budget.byAll(path, (code, _, form) => assert.equal(code, 0, form));
    own[where].set('x-more', 'v'.repeat(6_000));
    for (const path of [echo, follow])
      await budget.byAll(path, (code, received, form) => {
        assert.equal(code, 13, `${form} ${where}`);
        if (!form.includes('text')) assert.equal(reasonOf(received), 'METADATA_TOO_LARGE', `${form} ${path} ${where}`);
      });
  }
});

test('names count as often as they are sent: pages receive those of all headers in a list besides', async () => {
  for (const nameBytes of [20, 100, 400])
    for (const count of [5, 8, 15, 30, 45, 60]) {
      const metadata = ownOf(Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}-`.padEnd(nameBytes, 'n'), 1])), 'v');
      budget.own = { metadata, trailers: Metadata() };
      const check = (code: number, received: Reply, form: string) => {
        assert.ok(code === 0 || code === 13, form);
        if (code === 0) assert.equal(received.headers['x-0-'.padEnd(nameBytes, 'n')], 'v');
      };
      for (const path of [echo, follow]) await budget.byAll(path, check, fromPage);
    }
});

const names = fc.oneof(
  fc.constantFrom('x-a', 'x-a-bin', 'etag', 'vary', 'cache-control', 'portico-own'),
  fc.nat(600).map((length) => `x-${'n'.repeat(length)}`),
);
const sizes = fc.dictionary(names, fc.oneof(fc.nat(100), fc.nat(4_000)), { maxKeys: 12 });
const texts = fc
  .tuple(fc.constantFrom('x', '"', '\u0001', 'ü', '😀'), fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 4_000 })))
  .map(([piece, times]) => piece.repeat(times));
const errors = fc.oneof(
  texts.map((text) => new Fault('REQUEST_INVALID', text, { metadata: { text }, violations: [{ field: text, rule: text, description: text }] })),
  fc
    .tuple(texts, sizes, sizes)
    .map(([text, metadata, trailers]) => new StatusError(9, text, { metadata: ownOf(metadata, 'v'), trailers: ownOf(trailers, '"') })),
  texts.map((text) => new Error(text)),
);

test('a handler may end a stream with any error after any metadata: both stay within the budget, and there is a code', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, sizes, piece, fc.option(errors, { freq: 2 }), from, async (initial, trailing, piece, error, from) => {
      const [metadata, trailers] = [ownOf(initial, piece === 'a\tb' ? '~' : piece), ownOf(trailing, piece === 'a\tb' ? '~' : piece)];
      budget.own = { metadata, trailers, ...(error !== null && { error }) };
      const check = (code: number, _: Reply, form: string) => {
        if (error !== null) assert.notEqual(code, 0, form);
      };
      for (const path of [echo, follow]) await budget.byAll(path, check, { ...from, whose: 'cut' });
    }),
    { numRuns: 60 },
  );
});
