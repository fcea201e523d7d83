import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonProblems, textProblems } from './check-reasons-and-texts.ts';

const reasons = { ORDER_UNKNOWN: 'NOT_FOUND', ORDER_BUSY: 'ABORTED' } as const;
const core = { INTERNAL: 'Something went wrong.' };
const whole = { ORDER_UNKNOWN: 'a', ORDER_BUSY: 'b' };

test('an app whose locales have every text has no problem', () => {
  assert.deepEqual(textProblems({ reasons, messages: { en: whole, de: { ...whole, INTERNAL: 'c' } } }, core), []);
  assert.deepEqual(textProblems({ reasons: {}, messages: {} }, core), []);
});

test('a locale that lacks a reason is named with it, core and own', () => {
  assert.deepEqual(textProblems({ reasons, messages: { en: whole, de: { ORDER_BUSY: 'b' } } }, core), [
    'src/app/messages/de.ts has no text for ORDER_UNKNOWN, INTERNAL: its users would read English.',
  ]);
});

test('a reason without an English text, and a text of no reason, are named', () => {
  assert.deepEqual(textProblems({ reasons, messages: { en: { ORDER_BUSY: 'b', ORDER_UNKNWON: 'a' } } }, core), [
    'src/app/messages/en.ts has no text for ORDER_UNKNOWN: users of other languages would read none either.',
    'src/app/messages/en.ts has a text for ORDER_UNKNWON, which is no reason. Did you mean ORDER_UNKNOWN?',
  ]);
});

test('an empty text is none, and a locale with "_" is one that nobody asks for', () => {
  assert.deepEqual(textProblems({ reasons, messages: { en: { ...whole, ORDER_BUSY: ' ' }, de_AT: { ...whole, INTERNAL: '' } } }, core), [
    'src/app/messages/en.ts has no text for ORDER_BUSY: users of other languages would read none either.',
    'src/app/messages: "de_AT" is no language tag of BCP 47, such as "de" or "pt-BR": nobody would read its texts.',
    'src/app/messages/de_AT.ts has no text for INTERNAL: its users would read English.',
  ]);
});

test('a reason that is not written in capitals is named', () => {
  assert.deepEqual(reasonProblems([], { reasons: { ...reasons, orderGone: 'NOT_FOUND', [`O${'X'.repeat(63)}`]: 'ABORTED' } }, []), [
    'src/app/reasons.ts: the reason orderGone is not written in capitals, such as ORDER_UNKNOWN, of at most 63 characters.',
    `src/app/reasons.ts: the reason O${'X'.repeat(63)} is not written in capitals, such as ORDER_UNKNOWN, of at most 63 characters.`,
  ]);
});

test("a reason of core's, and one without a status of an error, are named", () => {
  const wrong = { INTERNAL: 'NOT_FOUND', ALL_WELL: 'OK', ORDER_LATE: 'NOT_FOUDN', ORDER_ODD: 'constructor' } as never;
  assert.deepEqual(reasonProblems([], { reasons: wrong }, ['INTERNAL']), [
    "src/app/reasons.ts: the reason INTERNAL is one of core's: give yours another name.",
    'src/app/reasons.ts: the reason ALL_WELL has the status OK, which is no error of gRPC.',
    'src/app/reasons.ts: the reason ORDER_LATE has the status NOT_FOUDN, which is no error of gRPC. Did you mean NOT_FOUND?',
    'src/app/reasons.ts: the reason ORDER_ODD has the status constructor, which is no error of gRPC.',
  ]);
});

test('a reason that is not listed is named with its place and the nearest one', () => {
  const used = ['ORDER_UNKNOWN', 'INTERNAL', 'ORDER_UNKNWON', 'NEW_ONE'].map((reason, i) => ({ reason, place: `src/app/a.ts:${i}` }));
  assert.deepEqual(reasonProblems(used, { reasons }, ['INTERNAL']), [
    'src/app/a.ts:2: the reason ORDER_UNKNWON is not listed in src/app/reasons.ts. Did you mean ORDER_UNKNOWN?',
    'src/app/a.ts:3: the reason NEW_ONE is not listed in src/app/reasons.ts.',
  ]);
});
