// Files of cases, which clients in every language run: what happens, and what a client does then, as data.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { Chance, Phase } from '../../src/client/stream/connection.ts';

export type Json = Readonly<Record<string, unknown>>;

/** One thing that happens, and all that the client does then, in order. Messages are in the JSON form of protobuf. */
export type CaseStep = {
  readonly event: Json & { readonly type: string };
  /** Milliseconds since the beginning of the case; unset: as before. */
  readonly nowMs?: number;
  /** From 0 up to 1; unset: 0.5. */
  readonly random?: number;
  readonly phase?: Phase;
  readonly actions?: readonly Json[];
};
export type Case = {
  readonly name: string;
  /** The setup that comes before; unset: a client that is stopped, and wants nothing. */
  readonly after?: string;
  readonly steps: readonly CaseStep[];
};
export type CaseFile = {
  /** One event of each kind, in the words of the table. */
  readonly events: Readonly<Record<string, CaseStep['event']>>;
  /** A way into each phase. */
  readonly setups: Readonly<Record<string, readonly CaseStep[]>>;
  readonly cases: readonly Case[];
};

/** A state machine whose cases these are, and the JSON of what goes in and comes out. */
export type Machine<State extends { readonly phase: Phase }, Event, Action> = {
  readonly initial: State;
  readonly step: (state: State, event: Event, chance: Chance) => { readonly state: State; readonly actions: readonly Action[] };
  readonly eventOf: (event: CaseStep['event']) => Event;
  readonly jsonOf: (action: Action) => Json;
};

/** What a client does: each of these steps, with phase and actions, after those of a setup. */
export type Player = (before: readonly CaseStep[], steps: readonly CaseStep[]) => readonly CaseStep[];

export function player<State extends { readonly phase: Phase }, Event, Action>({
  initial,
  step,
  eventOf,
  jsonOf,
}: Machine<State, Event, Action>): Player {
  return (before, steps) => {
    let state = initial;
    let nowMs = 0;
    const seen = [...before, ...steps].map(({ event, random = 0.5, ...given }): CaseStep => {
      nowMs = given.nowMs ?? nowMs;
      const next = step(state, eventOf(event), { nowMs, random });
      state = next.state;
      return {
        event,
        ...(given.nowMs !== undefined && { nowMs }),
        ...(random !== 0.5 && { random }),
        phase: state.phase,
        actions: next.actions.map(jsonOf),
      };
    });
    return seen.slice(before.length);
  };
}

/** "message welcome", "timer retry", "start" */
export function kindOf(event: CaseStep['event']): string {
  if (event.type === 'message') return `message ${Object.keys(event.message as object)[0] ?? 'unknown'}`;
  if (event.type === 'timer') return `timer ${String(event.name).split(' ')[0]}`;
  return event.type;
}

const docs = resolve(import.meta.dirname, '../../docs/mobile');

/** Runs a file of docs/mobile on our client, and holds the table of connection.md against it. */
export function caseTests(file: string, played: Player): void {
  const { events, setups, cases } = JSON.parse(readFileSync(join(docs, file), 'utf8')) as CaseFile;
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
}
