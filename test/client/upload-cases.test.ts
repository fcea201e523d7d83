// The cases of docs/mobile/upload-cases.json on our client, and what the page on attachments says of each reason.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { initialUpload, type UploadEvent, uploadStep } from '../../src/client/media/upload-step.ts';
import { reasons } from '../../src/core/kit/reasons.ts';
import { seeded } from '../support/time/seeded.ts';

type Json = Readonly<Record<string, unknown>>;
type Step = { readonly event: Json; readonly random?: number; readonly phase: string; readonly actions: readonly Json[] };
type Case = { readonly name: string; readonly steps: readonly Step[] };

const docs = resolve(import.meta.dirname, '../../docs/mobile');
const { cases } = JSON.parse(readFileSync(resolve(docs, 'upload-cases.json'), 'utf8')) as { readonly cases: readonly Case[] };

for (const { name, steps } of cases)
  test(name, () => {
    let state = initialUpload;
    for (const { event, random = 0.5, phase, actions } of steps) {
      const next = uploadStep(state, event as unknown as UploadEvent, random);
      state = next.state;
      assert.deepEqual({ phase: state.phase, actions: next.actions }, { phase, actions });
    }
  });

test('each kind of event, action and phase has a case', () => {
  const steps = cases.flatMap((each) => each.steps);
  const kinds = (all: readonly unknown[]) => [...new Set(all)].sort();
  const events = ['cancel', 'failed', 'networkFound', 'networkLost', 'retry', 'start', 'stored', 'uploaded'];
  assert.deepEqual(kinds(steps.map(({ event }) => event.type)), events);
  assert.deepEqual(kinds(steps.flatMap(({ actions }) => actions.map((action) => action.do))), ['ask', 'done', 'end', 'fail', 'upload', 'wait']);
  assert.deepEqual(kinds(steps.map(({ phase }) => phase)), ['asking', 'done', 'failed', 'offline', 'uploading', 'waiting']);
});

test('whatever happens, one call or wait is under way in the phases that have one, and every upload ends', () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = seeded(seed);
    const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T;
    let state = initialUpload;
    let under: string | undefined;
    let isOver = false;
    const feed = (event: UploadEvent) => {
      if (['uploaded', 'stored', 'failed', 'retry'].includes(event.type)) under = undefined;
      const next = uploadStep(state, event, random());
      state = next.state;
      for (const { do: what } of next.actions) {
        if (what === 'end') {
          assert.notEqual(under, undefined, 'something is ended');
          under = undefined;
        } else if (what === 'done' || what === 'fail') {
          assert.equal(isOver, false, 'it ends once');
          isOver = true;
        } else {
          assert.equal(under, undefined, 'one at a time');
          under = what;
        }
      }
      const has = { uploading: 'upload', asking: 'ask', waiting: 'wait' } as Readonly<Record<string, string>>;
      assert.equal(under, has[state.phase]);
    };
    feed({ type: 'start', resumes: random() < 0.5 });
    let steps = 0;
    for (; !isOver && steps < 1_000; steps++) {
      if (random() < 0.1) feed({ type: pick(['networkLost', 'networkFound'] as const) });
      if (under === undefined && state.phase === 'offline') feed({ type: 'networkFound' });
      if (under === 'wait') feed({ type: 'retry' });
      else if (under === 'ask' && random() < 0.5) feed({ type: 'stored', offset: Math.floor(random() * 5), complete: random() < 0.1 });
      else if (under !== undefined && !isOver) {
        const reason = pick(['', 'UPLOAD_INCOMPLETE', 'UPLOAD_OFFSET_WRONG', 'MEDIA_DOWN']);
        const offset = random() < 0.5 ? Math.floor(random() * 5) : undefined;
        feed({ type: 'failed', code: 'UNAVAILABLE', reason, retryAfterMs: undefined, offset });
      }
    }
    assert.ok(isOver, `seed ${seed} has ended after ${steps} steps`);
  }
});

/** Rows of the page's table of reasons: what the client does, by reason. */
const rows = readFileSync(resolve(docs, 'attachments.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, names = '', does = ''] = line.split('|').map((cell) => cell.trim());
    return [...names.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, reason = '']) => ({ reason, does }));
  });

test('the page says of every reason of attachments what the client does, and that is what it does', () => {
  const ofMedia = Object.keys(reasons).filter((reason) => /^(?:ATTACHMENT|MEDIA|UPLOADS?|RANGE|LINK)_/.test(reason));
  assert.deepEqual(
    ofMedia.filter((reason) => !rows.some((row) => row.reason === reason)),
    [],
  );
  for (const { reason, does } of rows.filter((row) => row.does !== 'not of an upload')) {
    const code = (reasons as Readonly<Record<string, string>>)[reason] ?? 'FAILED_PRECONDITION';
    const { state } = uploadStep(initialUpload, { type: 'start', resumes: false }, 0.5);
    const wait = does === 'waits as long as the server asks' ? 10_000 : undefined;
    const after = uploadStep(state, { type: 'failed', code, reason, retryAfterMs: wait, offset: does === 'resumes' ? 5 : undefined }, 0.5);
    const said: Readonly<Record<string, string>> = {
      resumes: 'uploading',
      'tries again': 'waiting',
      'waits as long as the server asks': 'waiting',
      'gives up': 'failed',
    };
    assert.equal(after.state.phase, said[does], `${reason}: ${does}`);
  }
});
