// `portico doctor` against real places: some that are well, and some that are not.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { createDatabase } from '../support/postgres/postgres.ts';
import { run, stopAll } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-doctor-'));
after(async () => {
  await stopAll();
  rmSync(cwd, { recursive: true, force: true });
});

test('it names what is wrong and what to type, for each place that a server needs', async () => {
  await devTls(join(cwd, 'tls'), Date.now());
  mkdirSync(join(cwd, 'keys'));
  const database = await createDatabase();
  // An issuer whose clock is an hour behind.
  const issuer = createServer((_request, response) => {
    response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
    response.end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  const { port } = issuer.address() as AddressInfo;
  try {
    const settings = {
      public: { tls: { certFile: 'tls/cert.pem', keyFile: 'tls/key.pem' }, limits: { connections: 1_000_000 } },
      auth: {
        keysDir: 'keys',
        refreshKey: 'k'.repeat(40),
        idTokenIssuers: [{ issuer: 'https://id.example.com', jwksUrl: `http://127.0.0.1:${port}/jwks.json`, audiences: ['app'] }],
      },
      upstreams: { up: { address: `127.0.0.1:${port}` }, down: { address: '127.0.0.1:1' }, lost: { address: 'no-such-host.invalid:9000' } },
      redis: { nodes: ['127.0.0.1:1'] },
    };
    writeFileSync(join(cwd, 'portico.yaml'), JSON.stringify(settings));
    const { code, stdout, stderr } = await run(['doctor', '--json'], { cwd, env: { DATABASE_URL: database.url } });
    assert.equal(code, 3, stderr);
    type Finding = { readonly name: string; readonly is: string; readonly message: string; readonly fix?: string };
    const { ok, findings } = JSON.parse(stdout) as { readonly ok: boolean; readonly findings: readonly Finding[] };
    assert.equal(ok, false);
    for (const [name, is, message, fix] of [
      ['issuer', 'ok', /answers$/, undefined],
      ['clock', 'wrong', /3[56]\d\d s ahead of 127\.0\.0\.1/, /timedatectl/],
      ['database', 'wrong', /run `portico migrate`/, /^portico migrate$/],
      ['redis', 'wrong', /127\.0\.0\.1:1/, /redis-cli/],
      ['upstream', 'ok', /^up: .* accepts connections/, undefined],
      ['upstream', 'wrong', /^down: .* refuses connections/, /^nc -vz 127\.0\.0\.1 1$/],
      ['upstream', 'wrong', /^lost: .* no address in DNS/, /^getent hosts no-such-host\.invalid$/],
      ['files', 'wrong', /open files are allowed/, /^ulimit -n 1000500/],
    ] as const) {
      const found = findings.find((one) => one.name === name && message.test(one.message));
      assert.equal(found?.is, is, `${name} ${message}: ${stdout}`);
      if (fix === undefined) assert.equal(found.fix, undefined);
      else assert.match(found.fix ?? '', fix);
    }
    const text = await run(['doctor'], { cwd, env: { DATABASE_URL: database.url } });
    assert.match(text.stdout, /^WRONG {3}database .*\n +type: portico migrate$/m);
    assert.doesNotMatch(text.stdout + text.stderr, /kkkk/);
  } finally {
    issuer.closeAllConnections();
    issuer.close();
    await database.drop();
  }
});

test('it finds what a connection alone does not show: TLS, one address of several, keys, and servers that are silent', async () => {
  const folder = mkdtempSync(join(cwd, 'more-'));
  for (const name of ['one', 'two']) await devTls(join(folder, name), Date.now());
  mkdirSync(join(folder, 'keys'));
  const silent = createNetServer(() => {});
  const socketFile = join(folder, 'up.sock');
  const path = createNetServer(() => {}).listen(socketFile);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const secure = createTlsServer({
    cert: readFileSync(join(folder, 'one/cert.pem')),
    key: readFileSync(join(folder, 'one/key.pem')),
    ALPNProtocols: ['h2'],
  });
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const { port: securePort } = secure.address() as AddressInfo;
  try {
    const settings = {
      public: { tls: { certFile: 'one/cert.pem', keyFile: 'two/key.pem' }, limits: { connections: 100 } },
      auth: { keysDir: 'keys', refreshKey: 'k'.repeat(40) },
      cache: { bytesMax: 68_719_476_736 },
      media: { bucket: { name: 'files', endpoint: 'http://127.0.0.1:1' } },
      upstreams: {
        several: { address: `ipv4:127.0.0.1:${port},127.0.0.1:1` },
        file: { address: `unix:${socketFile}` },
        none: { address: `unix:${socketFile}.none` },
        plain: { address: `127.0.0.1:${port}`, tls: {} },
        stranger: { address: `localhost:${securePort}`, tls: {} },
        known: { address: `localhost:${securePort}`, tls: { caFile: 'one/ca.pem' } },
      },
    };
    writeFileSync(join(folder, 'portico.yaml'), JSON.stringify(settings));
    const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/none`, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
    const { stdout, stderr } = await run(['doctor'], { cwd: folder, env });
    for (const line of [
      /^WRONG {3}certificate .*key/m,
      /^WRONG {3}keys /m,
      /^WRONG {3}database .*\n +type: psql/m,
      /^WRONG {3}upstream +several: 127\.0\.0\.1:1 refuses connections/m,
      /^ok {6}upstream +file: /m,
      /^WRONG {3}upstream +none: .*\n +type: ls -l /m,
      /^WRONG {3}upstream +plain: .* fails in the TLS handshake \(nothing within 3 s\)\n +type: openssl s_client/m,
      /^WRONG {3}upstream +stranger: .* fails in the TLS handshake/m,
      /^ok {6}upstream +known: .* by TLS$/m,
      /^WRONG {3}bucket +127\.0\.0\.1:1 refuses connections/m,
      /^warning collector +127\.0\.0\.1:1 refuses connections/m,
      /^warning memory .*\n +type: cache\.bytesMax: \d+,/m,
    ])
      assert.match(stdout, line, stderr);
  } finally {
    for (const server of [silent, secure, path]) server.close();
  }
});

test('in dev nothing is wrong on a machine that is well', async () => {
  const { code, stdout } = await run(['doctor', '--dev', '--set', 'public.limits.connections=100'], { cwd: mkdtempSync(join(cwd, 'dev-')) });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ok {6}database /m);
});
