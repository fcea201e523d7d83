// Plain curl with JSON, over HTTP/1.1 and HTTP/2: what anyone has at hand.
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import { needed, run } from '../support/programs/programs.ts';
import type { Harness } from './harness.ts';

type Json = Readonly<Record<string, unknown>>;
type Answer = { readonly status: number; readonly version: string; readonly headers: ReadonlyMap<string, string>; readonly json: Json };

const home = 'app.v1.HomeService/GetHome';

export function curlTests(harness: Harness): void {
  for (const [flag, version] of [
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ] as const) {
    suite(`curl ${flag}`, () => {
      let curl: string;
      before(() => {
        curl = needed('curl', 'apt-get install -y curl');
      });
      const ask = async (path: string, token: string, more: readonly string[]) => {
        const bearer = token === '' ? [] : ['--header', `authorization: Bearer ${token}`];
        return answerOf(await run(curl, ['--silent', '--include', flag, '--cacert', harness.caFile, ...bearer, ...more, `${harness.url}/${path}`]));
      };
      const post = (method: string, message: Json, token = '') =>
        ask(method, token, ['--header', 'content-type: application/json', '--data', JSON.stringify(message)]);

      test('signs in, and reads a whole home screen, the second from the cache', async () => {
        const signedIn = await post('portico.v1.SessionService/SignIn', { dev: { user: 'alice' }, device: { platform: 'ios', name: 'curl' } });
        assert.deepEqual([signedIn.status, signedIn.version, signedIn.json.expiresIn], [200, version, 600]);
        const token = String(signedIn.json.accessToken);
        let screen = await post(home, {}, token);
        assert.equal((screen.json.profile as Json).displayName, 'Alice Marlow');
        assert.match(screen.headers.get('portico-trace-id') ?? '', /^[0-9a-f]{32}$/);
        for (let tries = 1; tries <= 5 && screen.headers.get('portico-cache') !== 'hit'; tries++) screen = await post(home, {}, token);
        assert.equal(screen.headers.get('portico-cache'), 'hit');
      });
      test('is told 304 by a GET with the etag of what it has', async () => {
        const token = await harness.tokenOf('alice');
        const path = `${home}?connect=v1&encoding=json&message=${encodeURIComponent('{}')}`;
        let again: Answer | undefined;
        for (let tries = 1; tries <= 5 && again?.status !== 304; tries++) {
          const first = await ask(path, token, []);
          again = await ask(path, token, ['--header', `if-none-match: ${first.headers.get('etag')}`]);
        }
        assert.equal(again?.status, 304);
      });
      test('gets the reasons of an expired token and of an unknown method', async () => {
        const expired = await post(home, {}, harness.expiredToken);
        assert.deepEqual([expired.status, expired.json.code, reasonOf(expired)], [401, 'unauthenticated', 'TOKEN_EXPIRED']);
        const unknown = await post('app.v1.HomeService/GetAttic', {});
        assert.deepEqual([unknown.status, unknown.json.code, reasonOf(unknown)], [404, 'unimplemented', 'METHOD_UNKNOWN']);
      });
      test('gets a home screen without a failing part, which is named with its reason', async () => {
        await harness.promotionsAre('failing');
        try {
          const { json } = await post(home, {}, await harness.tokenOf('bob'));
          assert.deepEqual(json.missingParts, [{ name: 'offers', reason: 'UPSTREAM_FAILED' }]);
        } finally {
          await harness.promotionsAre('well');
        }
      });
    });
  }
}

/** Reads what `--include` prints. */
function answerOf(output: string): Answer {
  const at = output.indexOf('\r\n\r\n');
  const [first = '', ...lines] = output.slice(0, at).split('\r\n');
  const [, version = '', status = ''] = /^HTTP\/([\d.]+) (\d+)/.exec(first) ?? [];
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const body = output.slice(at + 4);
  return { status: Number(status), version, headers, json: body === '' ? {} : (JSON.parse(body) as Json) };
}

function reasonOf({ json }: Answer): string | undefined {
  const details = json.details as readonly { readonly type: string; readonly value: string }[];
  const found = details.find(({ type }) => type === 'google.rpc.ErrorInfo');
  return found && ErrorInfo.decode(Buffer.from(found.value, 'base64')).reason;
}
