// The sample company publishes as a real one would: its couriers' positions come to whoever may see the order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { app } from '../../src/app/index.ts';
import { TrackResponse } from '../../src/gen/couriers/v1/courier.ts';
import { openCompany, sampleCompany } from '../../src/sample/company.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { liveCalls } from '../support/server/live-server.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { sampleRelease } from './sample-server.ts';

test("positions come to an order's owner, and to nobody else", async () => {
  let server: TestServer | undefined;
  const company = await openCompany({
    clock: systemClock,
    keys: (header, token) => createLocalJWKSet((server?.portico.jwks() ?? { keys: [] }) as JSONWebKeySet)(header, token),
    issuer: 'portico',
  });
  try {
    const namespaces = { delivery: { ...sampleCompany.namespaces.delivery, historyAge: '1m' } };
    server = await openTestServer({ app, release: sampleRelease, samples: company.addresses, settings: { 'live.namespaces': namespaces } });
    company.publishTo({
      address: `localhost:${server.portico.ports.internal}`,
      caFile: server.portico.caFile ?? '',
      token: await server.portico.serviceToken('sample', 60_000),
    });
    const parcel = company.parcels.active().find(({ userId }) => userId === 'alice');
    const topic = `delivery:${parcel?.orderId}`;
    const [alice, bob] = [
      await liveCalls(server).live('alice', { subscriptions: [{ topic }] }),
      await liveCalls(server).live('bob', { subscriptions: [{ topic }] }),
    ];
    assert.equal((await bob.wait('subscriptionClosed')).reason, 'TOPIC_FORBIDDEN');
    let generation = 0;
    await until(
      'subscribed: the rule calls an internal service, which on a busy machine may be late at first',
      async () => {
        const again = alice.all('subscriptionClosed').length > generation;
        if (again) alice.send({ case: 'subscribe', value: { topic, generation: ++generation } });
        return alice.all('subscribed').length > 0;
      },
      60_000,
    );
    const { events } = await alice.wait('events');
    const { orderId, position } = TrackResponse.decode(events[0]?.payload ?? new Uint8Array());
    assert.equal(orderId, parcel?.orderId);
    assert.ok(position);
  } finally {
    await server?.close();
    company.close();
  }
});
