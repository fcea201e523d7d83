// `portico check` in a clone whose app has mistakes of every kind: all are said at once.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cloneProject } from '../support/server/clone.ts';
import { startProcess } from '../support/server/process.ts';

const { folder, remove } = cloneProject();
after(remove);
const change = (file: string, from: string, to: string) => {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  assert.ok(text.includes(from), `${file} has no ${from}`);
  writeFileSync(path, text.replace(from, to));
};
/** Where the wrong reason stands once it is there. */
const misspelled = () => {
  const file = 'src/app/orders/orders.ts';
  const line =
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('ORDER_UNKNWON')) + 1;
  return `${file}:${line}`;
};
const portico = (...args: readonly string[]) =>
  startProcess(process.execPath, [join(folder, 'scripts/launch.cjs'), 'src/main.ts', ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
  }).ended;

test('a missing screen, an unlisted reason, untranslated texts and an unknown upstream are said at once', async () => {
  change('src/app/index.ts', "    screen(OrderServiceDefinition, 'listOrders', listOrders),\n", '');
  change('src/app/orders/orders.ts', "NOT_FOUND: 'ORDER_UNKNOWN'", "NOT_FOUND: 'ORDER_UNKNWON'");
  change('src/app/messages/de.ts', "  PROFILE_UNKNOWN: 'Wir finden dein Konto nicht.',\n", '');
  change('src/app/messages/en.ts', "  PROFILE_UNKNOWN: 'We cannot find your account.',\n", '');
  const { code, stdout, stderr } = await portico('check', '--dev', '--set', 'upstreams.order.address=orders:9000');
  assert.equal(code, 2, stderr);
  for (const line of [
    'WRONG  app          app.v1.OrderService/ListOrders has no answer: write a screen for it (src/app/index.ts lists them), or say `forward` or `stream_of` in its policy.',
    `WRONG  app          ${misspelled()}: the reason ORDER_UNKNWON is not listed in src/app/reasons.ts. Did you mean ORDER_UNKNOWN?`,
    'WRONG  app          src/app/messages/en.ts has no text for PROFILE_UNKNOWN: users of other languages would read none either.',
    'WRONG  app          src/app/messages/de.ts has no text for PROFILE_UNKNOWN: its users would read English.',
    'WRONG  upstreams    upstreams.order (--set upstreams.order.address): no screen and no policy uses it. Did you mean orders?',
  ])
    assert.ok(stdout.split('\n').includes(line), `${line}\n${stdout}`);
  assert.equal(stderr, 'portico: 2 of 10 checks failed.\n');
});

test('settings that cannot be read hide none of it', async () => {
  const { code, stderr } = await portico('check', '--dev', '--set', 'upstreams.orders.address=http://orders:9000');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /upstreams\.orders\.address \(--set upstreams\.orders\.address\): "http:\/\/orders:9000" is not allowed\. Write an address such as/,
  );
  assert.match(stderr, /\n {2}app\.v1\.OrderService\/ListOrders has no answer/);
  assert.ok(stderr.includes(`\n  ${misspelled()}: the reason ORDER_UNKNWON`), stderr);
});

test('a production in which nobody can sign in is refused, with what to set', async () => {
  rmSync(join(folder, 'portico.yaml'), { force: true });
  const set = ['sql.url=postgres://me@127.0.0.1:1/none', `auth.refreshKey=${'x'.repeat(32)}`, 'auth.keysDir=keys', 'public.plaintext=true'];
  const tls = 'internal.tls={"certFile":"a.pem","keyFile":"b.pem"}';
  const { stdout } = await portico('check', ...[...set, tls].flatMap((one) => ['--set', one]));
  assert.match(
    stdout,
    /^WRONG {2}sign-in {6}auth\.idTokenIssuers \(not set\): no user can sign in, and \d+ methods are for users\. Name an identity provider/m,
  );
});

test('the policies of a production are held against its upstreams, with line and caret', async () => {
  const settings = [
    'public: {tls: {certFile: none.pem, keyFile: none-key.pem}}',
    'auth: {keysDir: none, refreshKey: a-secret-of-more-than-thirty-two-characters}',
    'upstreams: {order: {address: "orders:9000", tls: {caFile: none-ca.pem}}}',
    'sql: {url: "postgres://me@127.0.0.1:1/none"}',
  ];
  writeFileSync(join(folder, 'production.yaml'), settings.join('\n'));
  const { code, stdout } = await portico('check', '-c', 'production.yaml');
  assert.equal(code, 2);
  for (const line of [
    'WRONG  policies',
    '        upstream: "orders"',
    'WRONG  upstreams    accounts, orders, couriers, promotions: screens use them, and the settings do not name them.',
    'WRONG  upstreams    upstreams.order (production.yaml:3): no screen and no policy uses it. Did you mean orders?',
  ])
    assert.ok(stdout.split('\n').includes(line), `${line}\n${stdout}`);
  assert.match(
    stdout,
    /^proto\/app\/v1\/order\.proto:\d+:9: forward names the upstream "orders", which is not configured \(configured: order\)\. Did you mean "order"\?$/m,
  );
});

test('in dev the sample company stands for the upstreams that are not set', async () => {
  const { stdout } = await portico('check', '--dev', '--set', 'upstreams.orders.address=orders:9000');
  assert.match(stdout, /^ok {5}upstreams {4}1 set, the others are those of the sample company$/m);
  assert.match(stdout, /^ok {5}policies {5}\d+ methods$/m);
});
