// The cases that clients in other languages run too, run on ours; and the table of docs/mobile/connection.md, which is
// what they show.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { type CaseFile, kindOf, played } from './live-cases.ts';

const docs = resolve(import.meta.dirname, '../../docs/mobile');
const { events, setups, cases } = JSON.parse(readFileSync(join(docs, 'live-cases.json'), 'utf8')) as CaseFile;
const phases = Object.keys(setups);

for (const [phase, steps] of Object.entries(setups))
  test(`the way to ${phase}`, () => {
    assert.deepEqual(played([], steps), steps);
    assert.equal(steps.at(-1)?.phase, phase);
  });

for (const { name, after, steps } of cases)
  test(name, () => {
    assert.deepEqual(played(after === undefined ? [] : (setups[after] ?? assert.fail(`no setup ${after}`)), steps), steps);
  });

test('an event that no case begins a phase with changes neither the phase nor anything outside', () => {
  const covered = new Set(cases.map(({ after, steps }) => `${after} ${steps[0] && kindOf(steps[0].event)}`));
  const silent = phases
    .flatMap((phase) => Object.entries(events).map(([kind, event]) => ({ phase, kind, event })))
    .filter(({ phase, kind }) => !covered.has(`${phase} ${kind}`));
  assert.ok(silent.length > 50, 'the list is derived from the file');
  for (const { phase, kind, event } of silent)
    assert.deepEqual(played(setups[phase] ?? [], [{ event }]), [{ event, phase, actions: [] }], `${phase}: ${kind}`);
});

test('each phase is tried with an event of each kind', () => {
  assert.deepEqual(
    [...new Set(Object.entries(events).map(([kind, event]) => [kind, kindOf(event)].join(' = ')))].filter(
      (pair) => pair.split(' = ')[0] !== pair.split(' = ')[1],
    ),
    [],
  );
});

test('the table of the page is what the client does', () => {
  const page = readFileSync(join(docs, 'connection.md'), 'utf8').split('\n');
  const rows = page
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
  const head = rows.findIndex((row) => row[0] === 'event');
  const columns = rows[head]?.slice(1) ?? [];
  assert.deepEqual(columns, phases);
  const said = new Map(rows.slice(head + 1).map(([kind = '', ...cells]) => [kind, cells]));
  for (const [kind, event] of Object.entries(events)) {
    const next = phases.map((phase) => played(setups[phase] ?? [], [{ event }])[0]?.phase);
    const changes = next.map((to, i) => (to === phases[i] ? '' : to));
    assert.deepEqual(said.get(kind) ?? phases.map(() => ''), changes, kind);
  }
});
