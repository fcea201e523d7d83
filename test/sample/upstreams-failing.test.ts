// Each of the four upstreams of the home screen made slow, hanging, failing, lost, dead or talking nonsense: the screen comes in time without its part, or fails clearly.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Behaviour } from '../../src/sample/behaviour.ts';
import { type ServiceName, serviceNames } from '../../src/sample/company.ts';
import type { LinkState } from '../support/link/faulty-link.ts';
import { keptTransports, type Outcome, protocols, signIn } from '../support/client/protocols.ts';
import { callSample, openSampleServer, type SampleServer, sampleRegistry } from './sample-server.ts';
import { until } from '../support/time/until.ts';

/** The screen's deadline. */
const deadlineMs = 800;
const partOf: Readonly<Record<ServiceName, string>> = { accounts: 'profile', orders: 'orders', couriers: 'couriers', promotions: 'offers' };
const faults: readonly { readonly behaviour?: Behaviour; readonly link?: LinkState; readonly reason: RegExp }[] = [
  { behaviour: 'slow', reason: /^UPSTREAM_TIMEOUT$/ },
  { behaviour: 'hanging', reason: /^UPSTREAM_TIMEOUT$/ },
  { behaviour: 'failing', reason: /^UPSTREAM_FAILED$/ },
  { behaviour: 'garbage', reason: /^UPSTREAM_GARBAGE$/ },
  { link: 'refused', reason: /^UPSTREAM_DOWN$/ },
  // the call may also be the one that finds the old connection cut
  { link: 'silent', reason: /^UPSTREAM_(TIMEOUT|DOWN)$/ },
  // grpc-js tries again until the time is over, or gives up before
  { link: 'noise', reason: /^UPSTREAM_(DOWN|TIMEOUT|FAILED)$/ },
];

const transportOf = keptTransports();
let sample: SampleServer;
let headers: { readonly authorization: string };
before(async () => {
  sample = await openSampleServer();
  ({ headers } = await signIn(sample.server, sampleRegistry, 'alice'));
});
after(() => sample?.close());

/** @returns what it came to, and whether it came before its deadline (with what a noisy machine may add) */
async function getHome(n: number): Promise<Outcome> {
  const protocol = protocols[n % protocols.length] ?? 'grpc h2';
  const begunMs = performance.now();
  const outcome = await callSample(transportOf(protocol, sample.server), 'app.v1.HomeService/GetHome', {}, { headers });
  const tookMs = performance.now() - begunMs;
  assert.ok(tookMs < deadlineMs + 2_000, `it took ${tookMs} ms`);
  return outcome;
}

for (const [i, name] of serviceNames.entries()) {
  for (const [j, { behaviour = 'well', link = 'open', reason }] of faults.entries()) {
    const says = behaviour === 'well' ? `${link} link` : `${behaviour} service`;
    test(`${name}, a ${says}: the home screen ${name === 'accounts' ? 'fails clearly' : 'stands without its part'}`, async () => {
      await sample.invalidate('user:alice', 'promotions');
      sample.behave(name, behaviour);
      if (link !== 'open') await sample.links[name].become(link);
      const broken = await getHome(i + j);
      if (name === 'accounts') {
        assert.match(broken.reason ?? '', reason);
        assert.equal(broken.messages.length, 0);
      } else {
        const [home] = broken.messages as [{ readonly missingParts: readonly { readonly name: string; readonly reason: string }[] }];
        assert.equal(broken.code, 0, broken.message);
        assert.deepEqual(
          home.missingParts.map((part) => part.name),
          [partOf[name]],
        );
        assert.match(home.missingParts[0]?.reason ?? '', reason);
        assert.equal(broken.headers.get('etag'), null, 'a partial answer has an etag');
        assert.equal((home as unknown as Record<string, unknown>)[partOf[name]], undefined);
      }
      sample.behave(name, 'well');
      if (link !== 'open') await sample.links[name].become('open');
      await until('the screen is whole again, computed anew', async () => {
        const whole = await getHome(i + j);
        assert.notEqual(whole.headers.get('portico-cache'), 'hit', 'a partial answer was stored');
        return whole.code === 0 && whole.headers.get('etag') !== null;
      });
      assert.equal((await getHome(i + j)).headers.get('portico-cache'), 'hit', 'the whole answer was not stored');
    });
  }
}
