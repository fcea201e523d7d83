import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from './fault.ts';
import { pageTokenAfter, placeOf } from './page-token.ts';

const timeMaxMs = Date.UTC(10_000, 0, 1) - 1;
const allowed = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];

test('a token names the place that it was made of', () =>
  fc.assert(
    fc.property(fc.integer({ min: 0, max: timeMaxMs }), fc.uuid(), (atMs, id) => {
      assert.deepEqual(placeOf(pageTokenAfter({ atMs, id })), { atMs, id: id.replaceAll('-', '') });
    }),
  ));

test('any other text of the form of a token is refused with a reason, or a place that a database knows', () => {
  const check = (token: string) => {
    try {
      const { atMs, id } = placeOf(token);
      assert.ok(atMs <= timeMaxMs, token);
      assert.match(new Date(atMs).toISOString(), /^\d{4}-/); // not "+010889-…"
      assert.match(id, /^[0-9a-f]{32}$/);
    } catch (error) {
      assert.ok(error instanceof Fault && error.reason === 'REQUEST_INVALID', `${token}: ${error}`);
    }
  };
  const real = pageTokenAfter({ atMs: 1_700_000_000_000, id: randomUUID() });
  for (let at = 0; at < real.length; at++) for (const letter of allowed) check(real.slice(0, at) + letter + real.slice(at + 1));
  fc.assert(fc.property(fc.array(fc.constantFrom(...allowed), { minLength: 30, maxLength: 30 }), (letters) => check(letters.join(''))));
});

test('a time after the year 9999 and a second spelling of a token are refused', () => {
  for (const token of ['_'.repeat(30), pageTokenAfter({ atMs: timeMaxMs + 1, id: randomUUID() }), `${'A'.repeat(29)}B`])
    assert.throws(() => placeOf(token), /page_token is no next_page_token/);
});
