// Each of the four upstreams of the home screen made slow, hanging, failing, lost, dead or talking nonsense: the screen comes in time without its part, or fails clearly.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ServiceName, serviceNames } from '../../src/sample/company.ts';
import type { Behaviour } from '../../src/sample/inject-faults.ts';
import { keptTransports, type Outcome, protocols, signIn } from '../support/client/protocols.ts';
import type { LinkState } from '../support/link/faulty-link.ts';
import { until } from '../support/time/until.ts';
import { callSample, openSampleServer, type SampleServer, sampleRegistry } from './sample-server.ts';

/**
 * The longest that a call may take: its deadline is 800 ms, and a machine that is busy with other tests adds to it. A
 * call that hangs takes longer.
 */
const longestMs = 15_000;
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

/** @returns what it came to, and whether it came in time */
async function getHome(n: number): Promise<Outcome> {
  const protocol = protocols[n % protocols.length] ?? 'grpc h2';
  const begunMs = performance.now();
  const outcome = await callSample(transportOf(protocol, sample.server), 'app.v1.HomeService/GetHome', {}, { headers });
  const tookMs = performance.now() - begunMs;
  assert.ok(tookMs < longestMs, `it took ${tookMs} ms`);
  return outcome;
}

type Home = { readonly missingParts: readonly { readonly name: string; readonly reason: string }[] };

/**
 * The same, but once more where a machine that is busy with other tests had no time for the screen at all, or for the
 * parts of services that are well: such an answer says nothing of the one that is not.
 */
async function getHomeInTime(n: number, name: ServiceName, expected: RegExp): Promise<Outcome> {
  let outcome = await getHome(n);
  const isMeant = (part: string, reason: string) => part === partOf[name] && expected.test(reason);
  const isLate = ({ reason, messages: [home] }: Outcome) =>
    reason === 'DEADLINE_EXCEEDED' ||
    (reason === 'UPSTREAM_TIMEOUT' && !isMeant('profile', reason)) ||
    (home as Home | undefined)?.missingParts.some((part) => part.reason === 'UPSTREAM_TIMEOUT' && !isMeant(part.name, part.reason)) === true;
  await until(
    'the screen has the time for the parts that are there',
    async () => {
      if (!isLate(outcome)) return true;
      outcome = await getHome(n);
      return !isLate(outcome);
    },
    60_000,
  );
  return outcome;
}

for (const [i, name] of serviceNames.entries()) {
  for (const [j, { behaviour = 'well', link = 'open', reason }] of faults.entries()) {
    const says = behaviour === 'well' ? `${link} link` : `${behaviour} service`;
    test(`${name}, a ${says}: the home screen ${name === 'accounts' ? 'fails clearly' : 'stands without its part'}`, async () => {
      await sample.invalidate('user:alice', 'promotions');
      sample.behave(name, behaviour);
      if (link !== 'open') await sample.links[name].become(link);
      const broken = await getHomeInTime(i + j, name, reason);
      if (name === 'accounts') {
        assert.match(broken.reason ?? '', reason);
        assert.equal(broken.messages.length, 0);
      } else {
        const [home] = broken.messages as [Home];
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
      await until(
        'the screen is whole again, computed anew',
        async () => {
          const whole = await getHome(i + j);
          assert.notEqual(whole.headers.get('portico-cache'), 'hit', 'a partial answer was stored');
          return whole.code === 0 && whole.headers.get('etag') !== null;
        },
        60_000,
      );
      assert.equal((await getHome(i + j)).headers.get('portico-cache'), 'hit', 'the whole answer was not stored');
    });
  }
}
