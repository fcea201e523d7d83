// Two calls have one key only if their computations are given the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../src/core/cache/key/key.ts';
import { inputsOf } from '../../src/core/cache/key/visible-inputs.ts';
import { languageOf } from '../../src/core/kit/best-language.ts';
import type { CachePlan } from '../../src/core/kit/method-plan.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { seeded } from '../support/time/seeded.ts';

const language = languageOf(['en', 'de'], 'en');
/** Texts that look like the separators, lengths and marks of a key, or like each other. */
const texts = [
  '',
  '-',
  ':',
  '1',
  '1:',
  '1:a',
  'a',
  'a1:b',
  '1:a1:b',
  '0:',
  'u',
  'c',
  '#',
  '\0',
  'a\0',
  'é',
  'e\u0301',
  'A',
  '\ud800',
  '\ud801',
  'x'.repeat(300),
  'x'.repeat(301),
];
const headers = texts.filter((text) => /^[ -~]*$/.test(text) && text.trim() === text);

for (const cache of [
  { scope: 'shared', vary: ['x-a', 'x-b'], claims: [] },
  { scope: 'user', vary: ['accept-language', 'x-a'], claims: [] },
  { scope: 'claims', vary: ['x-a'], claims: ['tenant', 'plan'] },
] as const satisfies readonly Partial<CachePlan>[])
  test(`scope ${cache.scope}: equal keys have equal inputs, and equal inputs have equal keys`, () => {
    const random = seeded(1);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const maybe = <T>(value: T): T | undefined => (random() < 0.3 ? undefined : value);
    const plan = planOf('GetItem', { ...cache, tags: [] });
    const keyFor = keyOf(plan, language);
    const byKey = new Map<string, string>();
    const byInputs = new Map<string, string>();
    for (let i = 0; i < 20_000; i++) {
      const few = random() < 0.5 ? texts.slice(0, 6) : texts;
      const given = {
        'x-a': maybe(pick(headers)),
        'x-b': maybe(pick(headers)),
        'accept-language': maybe(pick(['de', 'DE-de, en;q=0.5', 'fr', 'en', '*'])),
      };
      const claims = { tenant: maybe(pick(few)), plan: maybe(pick(few)) };
      const defined = (all: Readonly<Record<string, string | undefined>>) =>
        Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
      const call = readyCall(plan, {
        user: pick(few),
        issuer: pick(few),
        claims: defined(claims),
        metadata: defined(given),
        request: { itemId: pick(few.filter((text) => text.isWellFormed() && text !== '' && text.length <= 40)) },
      });
      const key = keyFor(call);
      if (key === undefined) continue;
      const { metadata, caller } = inputsOf(call, plan.cache, language);
      const inputs = JSON.stringify([
        [...metadata].sort(),
        caller?.kind === 'user' ? [caller.issuer, caller.userId, [...caller.claims].sort()] : [],
        Buffer.from(call.decoded?.canonical ?? []).toString('base64'),
      ]);
      assert.equal(byKey.get(key.key) ?? inputs, inputs);
      assert.equal(byInputs.get(inputs) ?? key.key, key.key);
      byKey.set(key.key, inputs);
      byInputs.set(inputs, key.key);
    }
    assert.ok(byKey.size > 1_000, `${byKey.size} keys`);
  });
