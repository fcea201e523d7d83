import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { keptLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { openIssuer } from '../../../../test/support/token/issuer.ts';
import { jwkOf, type Key, makeKey, tokenOf } from '../../../../test/support/token/jws.ts';
import { verifyByKeySet } from '../../services/session/strict-jwt.ts';
import { remoteKeySet } from './remote-key-set.ts';

const [first, second] = [makeKey('first'), makeKey('second')];
const minuteMs = 60_000;

/** A set of an issuer that publishes `first`, and a request to it: "ok", or the reason of the error. */
async function opened(keys: Key[] = [first], url?: string) {
  const issuer = await openIssuer('id', [...keys]);
  const clock = fakeClock();
  const { log, lines } = keptLog();
  const set = remoteKeySet({ issuer: issuer.issuer, url: url ?? issuer.jwksUrl, clock, log, fetch });
  const ask = ({ kid, alg }: Key) =>
    set.keyFor({ alg, kid }).then(
      () => 'ok',
      (error: { reason?: string }) => error.reason,
    );
  return { issuer, clock, lines, set, ask, [Symbol.asyncDispose]: () => issuer[Symbol.asyncDispose]() };
}

const until = async (holds: () => boolean) => {
  for (let i = 0; i < 2_000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(holds());
};

test('keys are asked for once, by however many at once, and again in the background after 8 minutes', async () => {
  await using on = await opened();
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => on.ask(first))), Array(20).fill('ok'));
  await on.clock.advance(8 * minuteMs);
  await on.ask(first);
  assert.equal(on.issuer.asked(), 1);
  await on.clock.advance(1);
  assert.equal(on.set.markOf('first') !== undefined, true);
  await until(() => on.issuer.asked() === 2);
});

test('a new key is found at once, but strangers make the issuer be asked not more often than each 30 s', async () => {
  await using on = await opened();
  await on.ask(first);
  await on.clock.advance(30_000);
  on.issuer.keys.push(second);
  assert.equal(await on.ask(second), 'ok');
  assert.equal(on.issuer.asked(), 2);
  for (let i = 0; i < 10; i++) assert.equal(await on.ask(makeKey(`stranger-${i}`)), 'TOKEN_INVALID');
  assert.equal(on.issuer.asked(), 2);
  await on.clock.advance(29_999);
  assert.equal(await on.ask(makeKey('stranger')), 'TOKEN_INVALID');
  assert.equal(on.issuer.asked(), 2);
  await on.clock.advance(1);
  assert.equal(await on.ask(makeKey('stranger')), 'TOKEN_INVALID');
  assert.equal(on.issuer.asked(), 3);
});

test('a set of more than 10 minutes is asked for anew before it is used: a key that has left does not serve once more', async () => {
  await using on = await opened([first, second]);
  await on.ask(first);
  on.issuer.keys = [second];
  await on.clock.advance(10 * minuteMs + 1);
  assert.equal(on.set.markOf('first'), undefined); // so that a cached token is verified again
  assert.deepEqual([await on.ask(first), await on.ask(second)], ['TOKEN_INVALID', 'ok']);
  assert.equal(on.set.markOf('first'), undefined);
});

test('a key of the same name that is another one has another mark', async () => {
  await using on = await opened();
  await on.ask(first);
  const before = on.set.markOf('first');
  on.issuer.keys = [makeKey('first')];
  await on.clock.advance(11 * minuteMs);
  await on.ask(first);
  assert.notEqual(on.set.markOf('first'), before);
});

for (const [name, nameless] of [
  ['a reused name', false],
  ['no name', true],
] as const) {
  test(`a key that is replaced under ${name} is found at once, once for all who ask, and not more often than each 30 s`, async () => {
    await using on = await opened();
    const publish = (key: Key) => {
      on.issuer.answer = (response) => response.end(JSON.stringify({ keys: [{ ...jwkOf(key), kid: nameless ? undefined : 'first' }] }));
    };
    const header = nameless ? { alg: 'ES256' } : { alg: 'ES256', kid: 'first' };
    const verified = (key: Key) =>
      verifyByKeySet(tokenOf(header, { sub: 'ann' }, key), on.set, {}).then(
        () => 'ok',
        () => 'refused',
      );
    publish(first);
    assert.deepEqual(await Promise.all([verified(first), verified(first)]), ['ok', 'ok']);
    const before = on.set.markOf(header.kid);
    await on.clock.advance(30_000);
    publish(second);
    assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => verified(second))), Array(20).fill('ok'));
    assert.equal(on.issuer.asked(), 2);
    assert.notEqual(on.set.markOf(header.kid), before); // so that a cached token of the old key is verified again
    assert.equal(await verified(first), 'refused');
    const strangers = await Promise.all(Array.from({ length: 20 }, (_, i) => verified(makeKey(`stranger-${i}`))));
    assert.deepEqual([on.issuer.asked(), new Set(strangers)], [2, new Set(['refused'])]);
    await on.clock.advance(30_000);
    assert.deepEqual(await Promise.all([verified(first), verified(second), verified(makeKey('stranger'))]), ['refused', 'ok', 'refused']);
    assert.equal(on.issuer.asked(), 3);
  });
}

test('the only key of a set serves tokens without a name, and so does a key of another kind that takes its place', async () => {
  const rsa = makeKey('rsa', 'RS256');
  await using on = await opened();
  const ask = (alg: string) =>
    on.set.keyFor({ alg }).then(
      () => 'ok',
      (error: { reason?: string }) => error.reason,
    );
  assert.deepEqual([await ask('ES256'), await ask('RS256')], ['ok', 'TOKEN_INVALID']);
  await on.clock.advance(30_000);
  on.issuer.keys = [rsa];
  assert.deepEqual([await ask('RS256'), await ask('ES256')], ['ok', 'TOKEN_INVALID']);
  await on.clock.advance(30_000);
  on.issuer.keys = [first, second]; // of two, a token must name one (OpenID Connect Core 1.0, section 10.1)
  assert.equal(await ask('ES256'), 'TOKEN_INVALID');
});

const broken: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'a status 500': (response) => response.writeHead(500).end('{"keys":[]}'),
  HTML: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Please sign in</body></html>'),
  'no list of keys': (response) => response.end('{"keys":{}}'),
  null: (response) => response.end('null'),
  'half a JSON': (response) => response.end(JSON.stringify({ keys: [jwkOf(first)] }).slice(0, 40)),
  '300 KB': (response) => response.end(`{"keys":[],"more":"${'a'.repeat(300_000)}"}`),
  'a connection that breaks': (response) => response.destroy(),
  'a redirect to another host': (response) => response.writeHead(302, { location: 'http://localhost:1/jwks.json' }).end(),
};
for (const [name, answer] of Object.entries(broken)) {
  test(`${name} in place of keys: UNAVAILABLE where there were none before, tried again after 5 s`, async () => {
    await using on = await opened();
    on.issuer.answer = answer;
    assert.equal(await on.ask(first), 'ISSUER_UNAVAILABLE');
    assert.equal(await on.ask(first), 'ISSUER_UNAVAILABLE');
    assert.equal(on.issuer.asked(), 1);
    assert.equal(on.lines.length, 1);
    on.issuer.answer = undefined;
    await on.clock.advance(5_000);
    assert.equal(await on.ask(first), 'ok');
  });

  test(`${name} in place of keys: the last good set serves for a day`, async () => {
    await using on = await opened();
    await on.ask(first);
    on.issuer.answer = answer;
    await on.clock.advance(24 * 60 * minuteMs);
    assert.equal(await on.ask(first), 'ok');
    await on.clock.advance(1);
    assert.equal(await on.ask(first), 'ISSUER_UNAVAILABLE');
  });
}

test('an issuer that hangs costs one call 5 s, and those after it nothing: they are answered by the last good set', async () => {
  await using on = await opened();
  await on.ask(first);
  on.issuer.answer = () => {};
  await on.clock.advance(11 * minuteMs);
  const waiting = on.ask(first);
  await until(() => on.issuer.asked() === 2);
  await on.clock.advance(5_000);
  assert.equal(await waiting, 'ok');
  await on.clock.advance(minuteMs);
  assert.equal(await on.ask(first), 'ok');
  await until(() => on.issuer.asked() === 3);
  assert.notEqual(on.set.markOf('first'), undefined);
});

test('an issuer that drips one byte at a time is given up after 5 s', async () => {
  await using on = await opened();
  on.issuer.answer = (response) => {
    response.write('{');
  };
  const waiting = on.ask(first);
  await until(() => on.issuer.asked() === 1);
  await on.clock.advance(5_000);
  assert.equal(await waiting, 'ISSUER_UNAVAILABLE');
});

test('keys that must not verify are left out: RSA below 2048 bits, secrets, keys for encryption', async () => {
  const weak = makeKey('weak', 'RS256', 1_024);
  const strong = makeKey('strong', 'RS256');
  await using on = await opened([weak, strong, first]);
  assert.deepEqual([await on.ask(weak), await on.ask(strong), await on.ask(first)], ['TOKEN_INVALID', 'ok', 'ok']);
  on.issuer.answer = (response) =>
    response.end(JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'secret' }, { ...jwkOf(second), use: 'enc' }, 5, null, jwkOf(first)] }));
  await on.clock.advance(11 * minuteMs);
  assert.deepEqual([await on.ask(second), await on.ask(first)], ['TOKEN_INVALID', 'ok']);
  assert.deepEqual([on.set.markOf('secret'), on.set.markOf('second')], [undefined, undefined]);
});

test('keys are fetched over https only, except on this machine', async () => {
  await using on = await opened([first], 'http://id.example/jwks.json');
  assert.equal(await on.ask(first), 'ISSUER_UNAVAILABLE');
  assert.match(
    JSON.stringify(on.lines[0]?.fields, (_key, value) => (value instanceof Error ? value.message : value)),
    /Only https/,
  );
});
