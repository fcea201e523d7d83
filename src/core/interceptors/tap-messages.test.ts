import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptSink } from '../../../test/support/kept-sink.ts';
import type { Ending, PushedBody, Sink } from '../ports/call.ts';
import { type Tap, tapped } from './tap-messages.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const one: PushedBody = (sink) => {
  sink.write(Uint8Array.of(1));
  sink.end();
};
/** A writer that the test controls. */
function led(): { readonly body: PushedBody; readonly sink: () => Sink } {
  let given: Sink | undefined;
  return {
    body: (sink) => {
      given = sink;
    },
    sink: () => given as Sink,
  };
}
/** Taps that record what they see, each with its name. */
function noting(seen: string[]): (name: string, more?: Tap) => Tap {
  return (name, more) => ({
    ended: (ending) => {
      seen.push(`${name} ${ending.how}`);
      return ending;
    },
    ...more,
  });
}

test('taps see the end from the inside out, of either form of stream', async () => {
  async function* asked() {
    yield Uint8Array.of(1);
  }
  for (const body of [one, asked()]) {
    const seen: string[] = [];
    const note = noting(seen);
    const { sink, got } = keptSink();
    tapped(tapped(body, note('inner')), note('outer'))(sink);
    await turn();
    assert.deepEqual(seen, ['inner returned', 'outer returned']);
    assert.deepEqual(got, [1, 'end']);
  }
});

test('the end that a tap gives is what those outside see, and is waited for', async () => {
  const seen: string[] = [];
  const { sink, got } = keptSink();
  const gate = Promise.withResolvers<void>();
  const slow: Tap = {
    ended: async (): Promise<Ending> => {
      await gate.promise;
      return { how: 'threw', error: new Error('made of it') };
    },
  };
  tapped(tapped(one, slow), noting(seen)('outer'))(sink);
  await turn();
  assert.deepEqual([seen, got], [[], [1]]);
  gate.resolve();
  await turn();
  assert.deepEqual([seen, got], [['outer threw'], [1, 'fail made of it']]);
});

test('what a tap throws at the end is the end', async () => {
  for (const ended of [() => Promise.reject(new Error('broken')), () => assert.fail('broken')]) {
    const { sink, got } = keptSink();
    tapped(one, { ended })(sink);
    await turn();
    assert.deepEqual(got, [1, 'fail broken']);
  }
});

test('an abort is thrown to those outside at once; those inside see the stream closed when its writer has stopped', async () => {
  const seen: string[] = [];
  const note = noting(seen);
  const { body, sink: writer } = led();
  const { sink, got } = keptSink();
  const session = new AbortController();
  tapped(tapped(tapped(body, note('inner')), { until: session.signal }), note('outer'))(sink);
  writer().write(Uint8Array.of(1));
  session.abort(new Error('ended'));
  assert.deepEqual(got, [1, 'fail ended']);
  assert.deepEqual(seen, ['outer threw']);
  assert.equal(writer().signal.aborted, true);
  assert.equal(writer().write(Uint8Array.of(2)), false);
  writer().fail(new Error('stopped'));
  assert.deepEqual(seen.slice(1), ['inner closed']);
  assert.deepEqual(got, [1, 'fail ended']);
});

test('a client that leaves closes the stream for all taps, once its writer has stopped', async () => {
  const seen: string[] = [];
  const note = noting(seen);
  let stopped = false;
  async function* endless() {
    try {
      for (;;) {
        yield Uint8Array.of(1);
        await turn();
      }
    } finally {
      await turn();
      stopped = true;
    }
  }
  const { sink, leave } = keptSink();
  tapped(tapped(endless(), note('inner')), note('outer'))(sink);
  await turn();
  leave();
  assert.equal(seen.includes('inner closed'), false);
  for (let i = 0; i < 10; i++) await turn();
  assert.equal(stopped, true);
  assert.deepEqual(seen.slice(-2), ['inner closed', 'outer closed']);
});

test('a stream of a session that has ended already is never begun', async () => {
  let begun = false;
  async function* messages() {
    begun = true;
    yield Uint8Array.of(1);
  }
  const { sink, got } = keptSink();
  tapped(messages(), { until: AbortSignal.abort(new Error('ended')) })(sink);
  await turn();
  assert.deepEqual([begun, got], [false, ['fail ended']]);
});

test('listeners on signals that outlive the stream are taken off', async () => {
  const session = new AbortController();
  const { sink } = keptSink();
  let listening = 0;
  const { addEventListener, removeEventListener } = session.signal;
  session.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listening++;
    addEventListener.apply(session.signal, args);
  };
  session.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listening--;
    removeEventListener.apply(session.signal, args);
  };
  tapped(one, { until: session.signal })(sink);
  await turn();
  assert.equal(listening, 0);
});
