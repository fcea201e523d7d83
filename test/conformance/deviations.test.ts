import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { differences, readDeviations } from './deviations.ts';

const outcomes = new Map<string, readonly string[]>([
  ['Basic/TLS:true/unary/success', []],
  ['Basic/TLS:true/unary/error', ['wrong code', 'no details']],
  ['Basic/TLS:false/stream/error', ['wrong code']],
]);

test('complaints that the file explains are no difference', () => {
  const known = [
    { reason: 'codes', cases: ['Basic/**/error'], complaint: '^wrong code$' },
    { reason: 'details', complaint: 'details' },
  ];
  assert.deepEqual(differences(outcomes, known), []);
});

test('a complaint that the file does not explain is a difference, also beside one that it does', () => {
  const found = differences(outcomes, [{ reason: 'codes', cases: ['**/error'], complaint: '^wrong code$' }]);
  assert.deepEqual(found, ['Basic/TLS:true/unary/error:\n    no details']);
});

test('what is listed and passes is a difference: one case of a pattern, a pattern without cases, a complaint that nobody makes', () => {
  const all = { reason: 'all', complaint: '' };
  assert.match(differences(outcomes, [all, { reason: 'x', cases: ['Basic/TLS:true/**'] }])[0] ?? '', /^Of the 2 cases .* 1 do not complain/);
  assert.match(differences(outcomes, [all, { reason: 'x', cases: ['Basic/*/error'] }])[0] ?? '', /^No case is called/);
  assert.match(differences(outcomes, [all, { reason: 'x', complaint: 'never said' }])[0] ?? '', /^No case complains of "never said"/);
  assert.deepEqual(differences(outcomes, [all, { reason: 'a race', cases: ['Basic/**/success'], sometimes: true }]), []);
});

test('every deviation has its reason', () => {
  for (const file of globSync('*.json', { cwd: `${import.meta.dirname}/deviations` }))
    for (const { reason } of readDeviations(file)) assert.match(reason, /^\S.{20,}\.$/s, `${file}: "${reason}"`);
});
