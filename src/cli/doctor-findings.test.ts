import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { devTls } from '../transport/tls/dev-certificates.ts';
import { certificateFindings, clockFinding, databaseFindings, limitFindings } from './doctor-findings.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-doctor-'));
const dayMs = 86_400_000;
const nowMs = Date.now() + 3_600_000; // certificates are valid from the moment they are made
let leaf = '';
let authority = '';
let endsMs = 0;
before(async () => {
  await devTls(folder, nowMs);
  [leaf, authority] = ['cert.pem', 'ca.pem'].map((file) => readFileSync(join(folder, file), 'utf8').trim()) as [string, string];
  leaf = (leaf.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/) ?? [''])[0];
  for (endsMs = nowMs; foundAt(endsMs).every((message) => !message.includes('expired')); endsMs += dayMs);
});
after(() => rmSync(folder, { recursive: true }));

const found = (pem: string, atMs = nowMs) => certificateFindings('certificate', 'a.pem', pem, atMs);
const foundAt = (atMs: number) => found(`${leaf}\n${authority}`, atMs).map(({ message }) => message);

test('a certificate with its chain is well; each thing that clients refuse is said with what to type', () => {
  assert.deepEqual(
    found(`${leaf}\n${authority}`).map(({ is }) => is),
    ['ok'],
  );
  for (const [pem, atMs, is, message] of [
    ['', nowMs, 'wrong', /no certificate/],
    [leaf, nowMs, 'warning', /no intermediate/],
    [`${leaf}\n${leaf}`, nowMs, 'wrong', /certificate 1 .* is not issued by the one after it/],
    [`${authority}\n${leaf}`, nowMs, 'wrong', /names no host/],
    [`${leaf}\n${authority}`, endsMs + dayMs, 'wrong', /expired at/],
    [`${leaf}\n${authority}`, endsMs - 5 * dayMs, 'warning', /expires in \d days/],
    [`${leaf}\n${authority}`, nowMs - 400 * dayMs, 'wrong', /valid only from/],
  ] as const) {
    const finding = found(pem, atMs).find((one) => message.test(one.message));
    assert.equal(finding?.is, is, String(message));
    assert.ok(finding.fix, 'what to type');
  }
});

test('a clock that is ahead or behind by more than tokens permit is wrong', () => {
  for (const [skewMs, is, message] of [
    [0, 'ok', /agrees/],
    [5_000, 'ok', /agrees/],
    [-5_000, 'ok', /agrees/],
    [61_000, 'wrong', /61 s ahead of id\.example/],
    [-61_000, 'wrong', /61 s behind id\.example/],
  ] as const) {
    const finding = clockFinding(skewMs, 'id.example');
    assert.equal(finding.is, is);
    assert.match(finding.message, message);
  }
});

test('files and memory are compared with what the settings permit', () => {
  const mib = 1_048_576;
  const fine = { files: 20_000, memory: 768 * mib, heap: 400 * mib, cache: 64 * mib, queued: 128 * mib, connections: 10_000 };
  const is = (some: Partial<typeof fine>) => limitFindings({ ...fine, ...some }).map((finding) => finding.is);
  assert.deepEqual(is({}), ['ok', 'ok']);
  assert.deepEqual(is({ files: 1_024 }), ['wrong', 'ok']);
  assert.deepEqual(is({ heap: 600 * mib }), ['ok', 'warning']);
  assert.deepEqual(
    limitFindings({ ...fine, files: 1_024, heap: 700 * mib }).map(({ fix }) => fix),
    ['ulimit -n 10500   (systemd: LimitNOFILE=10500)', 'NODE_OPTIONS=--max-old-space-size-percentage=65'],
  );
});

test('memory that no heap fits beside is to be taken from the cache', () => {
  const gib = 2 ** 30;
  const [, memory] = limitFindings({ files: 20_000, memory: gib, heap: gib / 2, cache: 2 * gib, queued: gib / 8, connections: 100 });
  assert.match(memory?.fix ?? '', /^cache\.bytesMax: 563714457, .*percentage=25$/);
});

test('a database that would refuse connections, lose messages, or has no time limits is named, with what to type', () => {
  const well = {
    misfit: undefined,
    nowMs: 0,
    connectionsMax: 100,
    synchronousCommit: 'on',
    fsync: 'on',
    isStandby: false,
    hasTimeLimits: true,
  };
  assert.match(databaseFindings(well, 10)[0]?.message ?? '', /enough for 9 replicas of 10$/);
  for (const [change, connections, is, message] of [
    [{ misfit: 'lacks a part' }, 10, 'wrong', /lacks/],
    [{ isStandby: true }, 10, 'wrong', /standby/],
    [{}, 97, 'wrong', /max_connections is 100, and this replica opens up to 97/],
    [{ fsync: 'off' }, 10, 'warning', /fsync/],
    [{ synchronousCommit: 'off' }, 10, 'warning', /synchronous_commit/],
    [{ hasTimeLimits: false }, 10, 'warning', /pooler/],
  ] as const) {
    const [finding, ...more] = databaseFindings({ ...well, ...change }, connections);
    assert.deepEqual([finding?.is, more.length], [is, 0]);
    assert.match(finding?.message ?? '', message);
    assert.ok(finding?.fix, 'what to type');
  }
});
