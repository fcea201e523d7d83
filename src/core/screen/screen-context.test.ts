import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadyCall } from '../ports/call.ts';
import { type Effects, effectsOf } from './screen-context.ts';

/** All functions of the effects, those of `chat` among them, and what each of them answers. */
function effectNames(effects: Effects): readonly (readonly [string, () => Promise<unknown>])[] {
  return Object.entries({ ...effects, ...effects.chat }).filter(([name]) => name !== 'chat') as never;
}
const done = async () => 'done' as never;
const effects: Effects = { publish: done, invalidate: done, notify: done, chat: { create: done, setMembers: done, say: done } };
const callOf = (plan: Partial<ReadyCall['plan']>) => ({ plan: { method: 'a.B/C', ...plan } }) as ReadyCall;

test('a cached method changes nothing, whichever way; any other one does', async () => {
  for (const plan of [{ cache: {} as never }, { streamOf: 'a.B/D' as never }])
    for (const [name, effect] of effectNames(effectsOf(callOf(plan), effects))) await assert.rejects(effect, /a\.B\/C is cached/, name);
  const all = effectNames(effectsOf(callOf({}), effects));
  assert.equal(all.length, 6);
  for (const [name, effect] of all) assert.equal(await effect(), 'done', name);
});
