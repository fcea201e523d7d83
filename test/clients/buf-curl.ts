// buf curl, whose gRPC, gRPC-Web and Connect are none of ours, in each of its three protocols.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import { attempt, run } from '../support/programs/programs.ts';
import type { Harness } from './harness.ts';

const buf = 'node_modules/.bin/buf';
type Message = Readonly<Record<string, unknown>>;

export function bufCurlTests(harness: Harness): void {
  for (const protocol of ['grpc', 'grpcweb', 'connect']) {
    /** @param messages one for unary calls and server streams */
    const argumentsOf = (method: string, token = '') => [
      ...['curl', '--verbose', '--cacert', harness.caFile, '--protocol', protocol, '--schema', 'src/gen/descriptors.binpb', '--data', '@-'],
      ...(token === '' ? [] : ['--header', `authorization: Bearer ${token}`]),
      `${harness.url}/${method}`,
    ];
    const call = async (method: string, messages: readonly Message[], token = '') => {
      const { status, stdout, stderr } = await attempt(buf, argumentsOf(method, token), {
        input: messages.map((message) => JSON.stringify(message)).join('\n'),
      });
      assert.equal(status, 0, stderr);
      return { messages: messagesOf(stdout), header: (name: string) => headerOf(stderr, name) };
    };

    suite(`buf curl --protocol ${protocol}`, () => {
      test('signs in, and reads a whole home screen, the second from the cache', async () => {
        const signedIn = await call('portico.v1.SessionService/SignIn', [
          { dev: { user: 'alice' }, device: { platform: 'android', name: protocol } },
        ]);
        const token = String(signedIn.messages[0]?.accessToken);
        let home = await call('app.v1.HomeService/GetHome', [{}], token);
        const [{ profile, missingParts } = {}] = home.messages;
        assert.equal((profile as Message | undefined)?.displayName, 'Alice Marlow');
        assert.equal(missingParts, undefined);
        assert.match(home.header('portico-trace-id') ?? '', /^[0-9a-f]{32}$/);
        for (let tries = 1; tries <= 5 && home.header('portico-cache') !== 'hit'; tries++)
          home = await call('app.v1.HomeService/GetHome', [{}], token);
        assert.equal(home.header('portico-cache'), 'hit');
      });
      test('gets the reason of an expired token', async () => {
        const { status, stderr } = await attempt(buf, argumentsOf('app.v1.HomeService/GetHome', harness.expiredToken), { input: '{}' });
        assert.notEqual(status, 0);
        const error = JSON.parse(stderr.slice(stderr.lastIndexOf('\n{') + 1)) as {
          code: string;
          details: readonly { type: string; value: string }[];
        };
        assert.equal(error.code, 'unauthenticated');
        const { value = '' } = error.details.find(({ type }) => type === 'google.rpc.ErrorInfo') ?? {};
        const { reason, domain } = ErrorInfo.decode(Buffer.from(value, 'base64'));
        assert.deepEqual([reason, domain], ['TOKEN_EXPIRED', 'portico']);
      });
      test('gets a home screen without a failing part, which is named with its reason', async () => {
        await harness.promotionsAre('failing');
        try {
          const { messages } = await call('app.v1.HomeService/GetHome', [{}], await harness.tokenOf('bob'));
          assert.deepEqual(messages[0]?.missingParts, [{ name: 'offers', reason: 'UPSTREAM_FAILED' }]);
        } finally {
          await harness.promotionsAre('well');
        }
      });
      test('uses a forwarded stream of each kind', async () => {
        const alice = await harness.tokenOf('alice');
        const listed = await call('app.v1.OrderService/ListOrders', [{ activeOnly: true }], alice);
        const [{ orders = [] } = {}] = listed.messages as readonly { readonly orders?: readonly { readonly orderId: string }[] }[];
        const [{ orderId } = { orderId: '' }] = orders;
        const track = await call('app.v1.TrackingService/Track', [{ orderId, positionsMax: 2 }], alice);
        assert.deepEqual(
          track.messages.map((at) => at.orderId),
          [orderId, orderId],
        );
        const positions = [12.37, 12.38].map((longitude) => ({ position: { latitude: 51.34, longitude } }));
        const report = await call('app.v1.TrackingService/ReportPositions', positions, await harness.tokenOf('carol'));
        assert.equal(report.messages[0]?.accepted, 2);
        const talk = await call('app.v1.TrackingService/Talk', [{ orderId, text: 'Please mind the dog.' }, { text: 'Where are you?' }], alice);
        assert.deepEqual(
          talk.messages.map(({ text }) => text),
          ['Understood.', 'On my way!'],
        );
      });
    });
  }

  suite('buf curl by reflection', () => {
    const reflecting = ['curl', '--cacert', harness.caFile, '--protocol', 'grpc', '--reflect'];
    test('lists the methods', async () => {
      const methods = (await run(buf, ['curl', '--cacert', harness.caFile, '--protocol', 'grpc', '--list-methods', harness.url])).split('\n');
      for (const method of ['app.v1.HomeService/GetHome', 'app.v1.TrackingService/Talk', 'portico.v1.SessionService/SignIn'])
        assert.ok(methods.includes(method), method);
    });
    test('calls a method that it knows from the server alone', async () => {
      const request = JSON.stringify({ dev: { user: 'bob' }, device: { platform: 'android', name: 'reflection' } });
      const answer = await run(buf, [...reflecting, '--data', request, `${harness.url}/portico.v1.SessionService/SignIn`]);
      assert.equal(messagesOf(answer)[0]?.userId, 'bob');
    });
  });
}

/** JSON values one after the other, each begun by a line of its own. */
function messagesOf(output: string): readonly Message[] {
  const texts = output.split(/^(?=\{)/m).filter((text) => text.trim() !== '');
  return texts.map((text) => JSON.parse(text) as Message);
}

/** What `--verbose` says of the answer: "buf: < (#1) Portico-Cache: hit". */
function headerOf(verbose: string, name: string): string | undefined {
  return new RegExp(`^buf: < \\(#\\d+\\) ${name}: (.*)$`, 'im').exec(verbose)?.[1]?.trim();
}
