import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimValues } from './claim-values.ts';

/** The payload is text, because the test is about the number in it. */
function tenantOf(json: string): string | undefined {
  const payload = Buffer.from(json).toString('base64url');
  return claimValues(`e30.${payload}.sig`, JSON.parse(json), ['tenant', '__proto__'], 'TOKEN_INVALID').get('tenant');
}

test('text stays text, a number becomes its exact decimals, what is absent stays absent', () => {
  for (const [json, text] of [
    ['{"tenant":"a b"}', 'a b'],
    ['{"tenant":""}', ''],
    ['{"tenant":42}', '42'],
    ['{"tenant":-42}', '-42'],
    ['{"tenant":0}', '0'],
    ['{"tenant":1.5}', '1.5'],
    ['{"tenant":9007199254740993}', '9007199254740993'],
    ['{"tenant":9007199254740992}', '9007199254740992'],
    ['{"tenant":0.1000000000000000055}', '0.1000000000000000055'],
    ['{"tenant":7,"other":{"tenant":8}}', '7'],
    ['{"other":{"tenant":8},"tenant":7}', '7'],
    ['{"other":[8]}', undefined],
    ['{}', undefined],
  ] as const)
    assert.equal(tenantOf(json), text, json);
});

test('a claim that has no text of its own is refused by its name', () => {
  for (const value of ['["42"]', '{"a":1}', 'true', 'false', 'null', '1e2', '42.0', '-0', '1e999', '"a\\u0000"', '"\\ud800"'])
    assert.throws(() => tenantOf(`{"tenant":${value}}`), { reason: 'TOKEN_INVALID', message: /"tenant"/ }, value);
});
