// The example in TypeScript of the page for owners of internal services takes our internal tokens, and nothing else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { blocksOf } from '../support/client/page.ts';
import { jwkOf, makeKey, tokenOf } from '../support/token/jws.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'portico-page-'));
const key = makeKey('page');
const keySet = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwkOf(key)] })));

let userOf: (authorization: string | undefined) => Promise<string | undefined>;
before(async () => {
  await once(keySet.listen(0, '127.0.0.1'), 'listening');
  const { port } = keySet.address() as AddressInfo;
  const example = blocksOf(join(root, 'docs/operating/internal-services.md')).find(({ language }) => language === 'ts')?.text ?? '';
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'user-of.ts'), example.replace('https://portico-internal:8444', `http://127.0.0.1:${port}`));
  ({ userOf } = await import(pathToFileURL(join(folder, 'user-of.ts')).href));
});
after(() => {
  keySet.close();
  rmSync(folder, { recursive: true });
});

const header = { alg: 'ES256', typ: 'portico-internal+jwt', kid: key.kid };
/** A file is loaded long before its tests run. */
const nowS = () => Math.floor(Date.now() / 1_000);
const claims = () => ({ iss: 'portico', aud: 'orders', sub: 'alice', iat: nowS(), exp: nowS() + 60 });

test('an internal token gives its user, or none for an anonymous caller', async () => {
  assert.equal(await userOf(`Bearer ${tokenOf(header, claims(), key)}`), 'alice');
  assert.equal(await userOf(`Bearer ${tokenOf(header, { ...claims(), sub: undefined }, key)}`), undefined);
});

const refused: Readonly<Record<string, () => string | undefined>> = {
  'no token': () => undefined,
  'an empty one': () => 'Bearer ',
  'an access token': () => `Bearer ${tokenOf({ ...header, typ: 'at+jwt' }, claims(), key)}`,
  "another service's token": () => `Bearer ${tokenOf(header, { ...claims(), aud: 'accounts' }, key)}`,
  "another server's token": () => `Bearer ${tokenOf(header, { ...claims(), iss: 'other' }, key)}`,
  'an expired token': () => `Bearer ${tokenOf(header, { ...claims(), iat: nowS() - 120, exp: nowS() - 60 }, key)}`,
  'a token that never expires': () => `Bearer ${tokenOf(header, { ...claims(), exp: undefined }, key)}`,
  "a stranger's key": () => `Bearer ${tokenOf(header, claims(), makeKey('page'))}`,
};
for (const [name, authorization] of Object.entries(refused))
  test(`refused: ${name}`, async () => {
    await assert.rejects(async () => userOf(authorization()));
  });
