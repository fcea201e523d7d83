import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceParentOf, tracestateOf } from './trace-context.ts';

const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
const ids = `${traceId}-${spanId}`;

/** W3C Trace Context, section 3.2, and its test suite. */
const parents: readonly (readonly [name: string, sent: unknown, expected: 'continues' | 'continues, random' | 'begins'])[] = [
  ['version 00', `00-${ids}-01`, 'continues'],
  ['not sampled', `00-${ids}-00`, 'continues'],
  ['the random flag', `00-${ids}-02`, 'continues, random'],
  ['both flags', `00-${ids}-03`, 'continues, random'],
  ['unknown flags', `00-${ids}-fc`, 'continues'],
  ['unknown flags and the random one', `00-${ids}-ff`, 'continues, random'],
  ['version 01', `01-${ids}-01`, 'continues'],
  ['version cc', `cc-${ids}-01`, 'continues'],
  ['version fe', `fe-${ids}-01`, 'continues'],
  ['a later version with more parts', `cc-${ids}-01-what-the-future-will-be-like`, 'continues'],
  ['a later version with a dash at its end', `cc-${ids}-01-`, 'continues'],
  ['a later version, whose flags may mean something else', `01-${ids}-03`, 'continues'],
  ['a later version with more, but no dash', `cc-${ids}-01.what-the-future`, 'begins'],
  ['a later version that is too short', `cc-${ids}-0`, 'begins'],
  ['version 00 with more parts', `00-${ids}-01-what-the-future-will-be-like`, 'begins'],
  ['version 00 with a dash at its end', `00-${ids}-01-`, 'begins'],
  ['version 00 with more, but no dash', `00-${ids}-01.`, 'begins'],
  ['version ff', `ff-${ids}-01`, 'begins'],
  ['version ff with more parts', `ff-${ids}-01-more`, 'begins'],
  ['a version of upper case', `CC-${ids}-01`, 'begins'],
  ['a version of one digit', `0-${ids}-01`, 'begins'],
  ['a version of three digits', `000-${ids}-01`, 'begins'],
  ['a version that is no number', `.0-${ids}-01`, 'begins'],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${spanId}-01`, 'begins'],
  ['a span id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`, 'begins'],
  ['a trace id of upper case', `00-${traceId.toUpperCase()}-${spanId}-01`, 'begins'],
  ['a span id of upper case', `00-${traceId}-${spanId.toUpperCase()}-01`, 'begins'],
  ['flags of upper case', `00-${ids}-FF`, 'begins'],
  ['a trace id that is too short', `00-${traceId.slice(1)}-${spanId}-01`, 'begins'],
  ['a trace id that is too long', `00-${traceId}a-${spanId}-01`, 'begins'],
  ['a span id that is too short', `00-${traceId}-${spanId.slice(1)}-01`, 'begins'],
  ['a span id that is too long', `00-${traceId}-${spanId}a-01`, 'begins'],
  ['flags of one digit', `00-${ids}-1`, 'begins'],
  ['flags of three digits', `00-${ids}-001`, 'begins'],
  ['no flags', `00-${ids}`, 'begins'],
  ['an ill trace id', `00-.${traceId.slice(1)}-${spanId}-01`, 'begins'],
  ['two, as HTTP joins them', `00-${ids}-01, 00-${ids}-01`, 'begins'],
  ['two of a later version', `cc-${ids}-01, cc-${ids}-01`, 'begins'],
  ['blanks around', ` 00-${ids}-01 `, 'begins'],
  ['an empty one', '', 'begins'],
  ['none', undefined, 'begins'],
  ['bytes', Buffer.from(`00-${ids}-01`), 'begins'],
];
for (const [name, sent, expected] of parents)
  test(`traceparent: ${name}: the trace ${expected}`, () => {
    const found = traceParentOf(sent);
    assert.deepEqual(found, expected === 'begins' ? undefined : { traceId, spanId, isRandom: expected.endsWith('random') });
  });

const many = (count: number, value = 'v') => Array.from({ length: count }, (_, i) => `k${i}=${value}`).join();

/** W3C Trace Context, section 3.3. */
const states: readonly (readonly [name: string, sent: unknown, expected: string | undefined])[] = [
  ['one entry', 'rojo=00f067aa0ba902b7', 'rojo=00f067aa0ba902b7'],
  ['two headers, as HTTP joins them', 'foo=1, bar=2', 'foo=1,bar=2'],
  ['blanks and tabs around entries', 'foo=1 \t , \t bar=2', 'foo=1,bar=2'],
  ['empty entries', 'foo=1,,bar=2, ,', 'foo=1,bar=2'],
  ['all characters of a key', '0a_-*/@z=1', '0a_-*/@z=1'],
  ['a key with a tenant', 'fw529a3039@dt=FfG4', 'fw529a3039@dt=FfG4'],
  ['a value with blanks inside', 'foo=a b', 'foo=a b'],
  ['all characters of a value', `foo=${'!"#$%&\'()*+-./:;<>?@[\\]^_`{|}~'}`, `foo=${'!"#$%&\'()*+-./:;<>?@[\\]^_`{|}~'}`],
  ['a key of 256 characters', `${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`],
  ['a value of 256 characters', `a=${'z'.repeat(256)}`, `a=${'z'.repeat(256)}`],
  ['32 entries', many(32), many(32)],
  ['33 entries', many(33), undefined],
  ['a key twice', 'foo=1,foo=1', undefined],
  ['a key twice, in two headers', 'foo=1,bar=1, foo=2', undefined],
  ['a key of 257 characters', `${'z'.repeat(257)}=1`, undefined],
  ['a value of 257 characters', `a=${'z'.repeat(257)}`, undefined],
  ['a key of upper case', 'Foo=1', undefined],
  ['a key with a blank', 'foo =1', undefined],
  ['no key', '=1', undefined],
  ['no value', 'foo=', undefined],
  ['no equals sign', 'foo', undefined],
  ['two equals signs', 'foo=1=2', undefined],
  ['one wrong entry among good ones', 'foo=1,bar.baz=2', undefined],
  ['an empty header', '', undefined],
  ['blanks only', ' , ', undefined],
  ['none', undefined, undefined],
  ['exactly 512 characters', many(8, 'z'.repeat(60)).padEnd(512, 'z'), many(8, 'z'.repeat(60)).padEnd(512, 'z')],
  ['more than 512: entries from the end are dropped', many(9, 'z'.repeat(60)), many(8, 'z'.repeat(60))],
  ['more than 512: first those of more than 128 characters', `long=${'z'.repeat(124)},${many(7, 'z'.repeat(60))}`, many(7, 'z'.repeat(60))],
];
for (const [name, sent, expected] of states) test(`tracestate: ${name}`, () => assert.equal(tracestateOf(sent), expected));
