import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keptLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { ensureKey, keyDirectory } from './key-directory.ts';

const pem = (namedCurve = 'prime256v1') => generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' });

/** A folder with one key, read by a server whose clock starts now. */
async function opened() {
  const folder = mkdtempSync(join(tmpdir(), 'portico-keys-'));
  const put = (name: string, text = pem()) => writeFileSync(join(folder, name), text);
  put('0001.pem');
  const clock = fakeClock(Date.now());
  const { log, lines } = keptLog();
  const keys = await keyDirectory(folder, clock, log);
  /** The folder is read in the background: advances the clock until `holds`. */
  const readAgain = async (holds: () => boolean) => {
    for (let i = 0; i < 100 && !holds(); i++) {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(holds());
  };
  const published = () => keys.jwks().keys.map(({ kid }) => kid);
  const close = () => {
    keys.close();
    rmSync(folder, { recursive: true });
  };
  return { folder, put, clock, lines, keys, readAgain, published, [Symbol.dispose]: close };
}

test('a new key is published within 10 s, signs after two minutes, and the old one verifies until its file goes', async () => {
  using on = await opened();
  const old = on.keys.current().kid;
  on.put('0002.pem');
  await on.readAgain(() => on.published().length === 2);
  const [, young = ''] = on.published() as string[];
  assert.equal(on.keys.current().kid, old);
  await on.clock.advance(80_000);
  assert.equal(on.keys.current().kid, old);
  await on.clock.advance(40_000);
  assert.equal(on.keys.current().kid, young);
  assert.notEqual(on.keys.find(old), undefined);
  rmSync(join(on.folder, '0001.pem'));
  await on.readAgain(() => on.published().length === 1);
  assert.equal(on.keys.find(old), undefined);
  assert.equal(await on.keys.look(old), undefined);
});

test('a key that was made long ago and is moved in waits like any other', async () => {
  using on = await opened();
  const old = on.keys.current().kid;
  mkdirSync(join(on.folder, 'elsewhere'));
  on.put('elsewhere/0002.pem');
  utimesSync(join(on.folder, 'elsewhere/0002.pem'), 1_000_000, 1_000_000);
  renameSync(join(on.folder, 'elsewhere/0002.pem'), join(on.folder, '0002.pem'));
  await on.readAgain(() => on.published().length === 2);
  assert.equal(on.keys.current().kid, old);
});

test('a token by a key that another replica has already is looked for at once, but not more often than each second', async () => {
  using on = await opened();
  on.put('0002.pem');
  const other = await keyDirectory(on.folder, on.clock, keptLog().log);
  const kid = (other.jwks().keys as { kid: string }[])[1]?.kid ?? '';
  other.close();
  assert.equal(await on.keys.look(kid), undefined); // the folder was read at this moment
  await on.clock.advance(1_000);
  assert.equal((await on.keys.look(kid))?.kid, kid);
});

test('what cannot be read is said, and the keys that were read stay', async () => {
  using on = await opened();
  const before = on.published();
  on.put('0002.pem', 'half a fi');
  await on.readAgain(() => on.lines.length === 1);
  assert.deepEqual([on.published(), on.lines[0]?.level], [before, 'error']);
  on.put('0002.pem');
  await on.readAgain(() => on.published().length === 2);
});

test('a folder without a key, and a key of another curve, are named', async () => {
  using on = await opened();
  const read = (folder: string) => keyDirectory(folder, on.clock, keptLog().log);
  mkdirSync(join(on.folder, 'empty'));
  await assert.rejects(read(join(on.folder, 'empty')), /no signing key in .*empty/);
  ensureKey(join(on.folder, 'empty'));
  ensureKey(join(on.folder, 'empty')); // keeps existing files
  (await read(join(on.folder, 'empty'))).close();
  on.put('0002.pem', pem('secp384r1'));
  await assert.rejects(read(on.folder), /0002\.pem is a key of another kind: P-256/);
  on.put('0002.pem', 'hello');
  await assert.rejects(read(on.folder), /0002\.pem is not a private key in PEM form/);
});

test('what is published has no private part', async () => {
  using on = await opened();
  for (const key of on.keys.jwks().keys) assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});
