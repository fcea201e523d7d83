// The short form of `npm run fuzz`: some seconds by a seed that is always the same, unless FUZZ_SEED says another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz.ts';

const seed = Number(process.env.FUZZ_SEED ?? 1);

test(`what is nearly right, from clients and from upstreams, is answered with a status and disturbs nobody (--seed ${seed})`, async () => {
  const { findings, cases } = await fuzz({ seed, seconds: 5, roundsMin: 6 });
  assert.deepEqual(findings, []);
  assert.ok(cases > 50, `only ${cases} cases`);
});
