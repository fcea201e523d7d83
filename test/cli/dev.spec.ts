import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { upstreamFlags } from '../support/server/app-upstreams.ts';
import type { Running } from '../support/server/process.ts';
import { run, start, stopAll } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-dev-'));
const freePorts = { PORTICO_PUBLIC__PORT: '0', PORTICO_INTERNAL__PORT: '0', PORTICO_ADMIN__PORT: '0' };
after(async () => {
  await stopAll();
  rmSync(cwd, { recursive: true, force: true });
});

describe('portico dev', () => {
  let dev: Running;
  let banner: string;
  before(async () => {
    dev = start(['dev', ...upstreamFlags], { cwd, env: freePorts });
    [banner = ''] = await dev.until(/Portico [\s\S]*?\n\nSign in as alice:\n {2}curl .*\n/);
    await dev.until(/Ready\./); // calls wait for the database, but no longer than their deadline
  });

  test('says where it listens, what it runs on and what it answers', () => {
    assert.match(
      banner,
      new RegExp(
        [
          '^Portico \\d+\\.\\d+\\.\\d+ \\(dev\\)',
          '',
          '  public    https://localhost:\\d+   gRPC, gRPC-Web, Connect and JSON',
          '  internal  https://localhost:\\d+   for internal services',
          '  admin     http://localhost:\\d+/readyz, /metrics',
          `  engines   PGlite in ${join(cwd, '.portico')}; everything else in memory`,
          '  methods   \\d+: \\d+ signed-in, \\d+ open to all, \\d+ internal; \\d+ cached, \\d+ forwarded',
          '',
          'Sign in as alice:',
          '  curl .*',
          '$',
        ].join('\n'),
      ),
    );
    assert.doesNotMatch(banner, /warning/);
  });

  test('ends its banner with a command that works as it stands', async () => {
    const command = /^ {2}(curl .*)$/m.exec(banner)?.[1] ?? '';
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    const { accessToken, expiresIn } = JSON.parse(stdout) as { readonly accessToken: string; readonly expiresIn: number };
    assert.match(accessToken, /^ey[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.equal(expiresIn, 600);
  });

  test('is found ready by `portico health`', async () => {
    const admin = /admin {5}(http:\S+?\/readyz)/.exec(banner)?.[1] ?? '';
    assert.deepEqual(await run(['health', '--url', admin], { cwd }), { code: 0, stdout: 'ok\n', stderr: '' });
  });

  test('has its data directory alone: a second one says who has it and ends with 3', async () => {
    const { code, stderr } = await run(['dev', ...upstreamFlags], { cwd, env: freePorts });
    assert.equal(code, 3);
    assert.match(
      stderr,
      new RegExp(
        `^portico: The database cannot be used: The data directory ${join(cwd, '.portico')} is in use by process \\d+\\. Stop it, or choose another with PORTICO_DATA_DIR\\.\n$`,
      ),
    );
  });

  test('says which port another process has', async () => {
    const port = /public {4}https:\S+?:(\d+)/.exec(banner)?.[1] ?? '';
    const { code, stderr } = await run(['dev', '--set', `public.port=${port}`, '--set', 'dataDir=other', ...upstreamFlags], { cwd, env: freePorts });
    assert.equal(code, 2 + 1);
    assert.equal(
      stderr,
      `portico: The port ${port} on 127.0.0.1 is in use by another process: stop that, or set another port (PORTICO_PUBLIC__PORT, PORTICO_INTERNAL__PORT or PORTICO_ADMIN__PORT; 0 takes a free one).\n`,
    );
  });

  test('ends with 0 on SIGTERM, and gives the data directory back', async () => {
    dev.signal('SIGTERM');
    const { code, stdout, stderr } = await dev.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /SIGTERM: finishing the calls in flight/);
    assert.match(stdout, /Portico has drained\./);
  });
});

test('dev warns where it can be reached by others, with what to set, and ends in order while its database is just opening', async () => {
  const dev = start(['dev', '--set', 'public.host=0.0.0.0', '--set', 'dataDir=warned', ...upstreamFlags], { cwd, env: freePorts });
  const [warning] = await dev.until(/ {2}warning .*\n/);
  assert.equal(warning, '  warning   dev signs anyone in, and listens on 0.0.0.0: set public.host to 127.0.0.1 unless the network is yours.\n');
  dev.signal('SIGINT');
  assert.equal((await dev.ended).code, 0);
});
