// `portico doctor` against real places: some that are well, and some that are not.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
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

test('in dev nothing is wrong on a machine that is well', async () => {
  const { code, stdout } = await run(['doctor', '--dev', '--set', 'public.limits.connections=100'], { cwd: mkdtempSync(join(cwd, 'dev-')) });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ok {6}database /m);
});
