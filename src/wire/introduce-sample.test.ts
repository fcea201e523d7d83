import assert from 'node:assert/strict';
import { test } from 'node:test';
import { introduce } from './introduce-sample.ts';
import type { Portico } from './portico.ts';

/** A server that becomes ready when the test says so, and services that note what is asked of them. */
function begun({ caFile }: { readonly caFile?: string } = { caFile: 'ca.pem' }) {
  const ready = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  const services = { addresses: {}, publishTo: (target: unknown) => void seen.push(target), close: () => void seen.push('services closed') };
  const portico = {
    ports: { public: 1, internal: 2, admin: 3 },
    caFile,
    serviceToken: async (name: string) => `token of ${name}`,
    whenReady: ready.promise,
    close: async () => void seen.push('server closed'),
  } as unknown as Portico;
  return { ready, seen, introduced: introduce(services, portico) };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the sample services report nothing to a server that is not ready, and all to one that is', async () => {
  const { ready, seen, introduced } = begun();
  await introduced;
  await turn();
  assert.deepEqual(seen, [], 'its calls would wait for their deadline, and say so between the lines of the start');
  ready.resolve();
  await turn();
  assert.deepEqual(seen, [{ address: 'localhost:2', caFile: 'ca.pem', token: 'token of sample' }]);
});

test('a server that ends before it is ready, or never is, receives no report', async () => {
  const ended = begun();
  await (await ended.introduced).close();
  ended.ready.resolve();
  await turn();
  assert.deepEqual(ended.seen, ['services closed', 'server closed']);
  const never = begun();
  await never.introduced;
  never.ready.reject(new Error('no database'));
  await turn();
  assert.deepEqual(never.seen, []);
});

test('where nobody knows the authority of the certificate, nothing is reported', async () => {
  const { ready, seen, introduced } = begun({});
  ready.resolve();
  await introduced;
  await turn();
  assert.deepEqual(seen, []);
});
