// Certificates of upstreams that no connection could be made with: said at the start, not at the first call.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { upstreamConfigs } from '../../src/wire/upstreams.ts';
import { makeAuthority, writePair } from '../support/token/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-upstreams-'));
after(() => rmSync(folder, { recursive: true }));
const [a, b] = [writePair(folder, 'a', await makeAuthority('a')), writePair(folder, 'b', await makeAuthority('b'))];
const text = join(folder, 'text.pem');
writeFileSync(text, 'no certificate\n');

type Upstreams = Parameters<typeof upstreamConfigs>[0]['upstreams'];
const configs = (tls: Readonly<Record<string, string>>) =>
  upstreamConfigs({ upstreams: { orders: { address: 'orders:9000', deadline: 1_000, attemptsMax: 1, tls } } as unknown as Upstreams }, {});

const wrong: readonly (readonly [what: string, tls: Readonly<Record<string, string>>, says: string])[] = [
  ['an authority that is no certificate', { caFile: text }, `caFile: the file ${text} is not a certificate in PEM form.`],
  ['an authority that is a key', { caFile: a.keyFile }, `caFile: the file ${a.keyFile} is not a certificate in PEM form.`],
  ['a folder', { caFile: folder }, `caFile: the file ${folder} cannot be read (EISDIR).`],
  [
    'a key of another certificate',
    { ...a, keyFile: b.keyFile },
    `certFile: the key in ${b.keyFile} is not that of the certificate in ${a.certFile}.`,
  ],
  ['a key that is none', { ...a, keyFile: text }, `certFile: the file ${text} is not a private key in PEM form.`],
  ['a certificate alone', { certFile: a.certFile }, 'keyFile: is needed beside certFile.'],
  ['a key alone', { keyFile: a.keyFile }, 'certFile: is needed beside keyFile.'],
];
for (const [what, tls, says] of wrong)
  test(`${what} is refused by the name of its setting`, () => assert.throws(() => configs(tls), { message: `upstreams.orders.tls.${says}` }));

test('a certificate with its key, and an authority, are taken', () => {
  const { tls } = configs({ ...a, caFile: b.certFile, serverName: 'orders' }).orders ?? {};
  assert.deepEqual(Object.keys(tls ?? {}).sort(), ['ca', 'cert', 'key', 'serverName']);
});
