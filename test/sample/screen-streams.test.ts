import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signIn, transportOf } from '../support/client/protocols.ts';
import { callSample, openSampleServer, sampleRegistry } from './sample-server.ts';

test('the home screen streams in whole: a slow service is pending, then there, and the rest is never asked for twice', async () => {
  const sample = await openSampleServer();
  try {
    const signed = await signIn(sample.server, sampleRegistry, 'alice');
    const home = (method: string) =>
      callSample(transportOf('grpc h2', sample.server), `app.v1.HomeService/${method}`, {}, { headers: signed.headers });
    sample.behave('couriers', 'slow');
    const { messages, code } = await home('StreamHome');
    const last = messages.at(-1) as { readonly pendingParts: readonly string[]; readonly missingParts: readonly object[]; readonly couriers: object };
    assert.equal(code, 0);
    assert.deepEqual((messages.at(-2) as typeof last).pendingParts, ['couriers']);
    assert.deepEqual([last.pendingParts, last.missingParts], [[], []]);
    assert.ok(last.couriers);
    assert.equal((await home('GetHome')).headers.get('portico-cache'), 'hit');
  } finally {
    await sample.close();
  }
});
