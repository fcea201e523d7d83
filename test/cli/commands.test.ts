import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { appUpstreams, upstreamFlags } from '../support/server/app-upstreams.ts';
import { type Ended, startProcess } from '../support/server/process.ts';
import { run } from './portico.ts';

const root = resolve(import.meta.dirname, '../..');
const cwd = mkdtempSync(join(tmpdir(), 'portico-cli-'));
after(() => rmSync(cwd, { recursive: true, force: true }));
const portico = (line: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  run(
    line.split(' ').filter((word) => word !== ''),
    { cwd, env },
  );

describe('each command ends with the exit code and the words that fit', { concurrency: 3 }, () => {
  test('a command that does not exist is a usage error, with a hint', async () => {
    assert.deepEqual(await portico('chek'), {
      code: 64,
      stdout: '',
      stderr: "error: unknown command 'chek'\n(Did you mean check?)\n(portico --help lists what there is)\n",
    });
  });

  test('so are an option that does not exist, an argument that is missing, and a value that is none', async () => {
    const [option, argument, name, ttl, set] = await Promise.all([
      portico('check --jsn'),
      portico('token'),
      portico('token Orders --dev'),
      portico('token orders --dev --ttl 1y'),
      portico('check --dev --set public.port'),
    ]);
    assert.deepEqual([option.code, argument.code, name.code, ttl.code, set.code], [64, 64, 64, 64, 64]);
    assert.match(option.stderr, /^error: unknown option '--jsn'\n\(Did you mean --json\?\)/);
    assert.match(argument.stderr, /^error: missing required argument 'name'/);
    assert.equal(name.stderr, 'portico: "Orders" is no name of a service: lower-case letters, digits and "-" are allowed.\n');
    assert.equal(ttl.stderr, 'portico: --ttl 1y: a duration from "1m" to "2160h" is allowed.\n');
    assert.equal(set.stderr, 'portico: --set public.port: a key, "=" and a value are needed, such as public.port=9443.\n');
  });

  test('help and version are no errors', async () => {
    const [help, version] = await Promise.all([portico('--help'), portico('--version')]);
    assert.deepEqual([help.code, help.stderr, version.code], [0, '', 0]);
    assert.match(help.stdout, /^Usage: portico \[options\] \[command\]/);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('wrong settings end with 2, and a file in the working directory is read', async () => {
    writeFileSync(join(cwd, 'wrong.yaml'), 'public:\n  prt: 1\n');
    const { code, stdout, stderr } = await portico('check --dev -c wrong.yaml', { PORTICO_DRAIN__GRACE: 'long' });
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(
      stderr,
      [
        'portico: 2 settings are wrong:',
        '  public.prt (wrong.yaml:2): there is no such setting. Did you mean port?',
        '  drain.grace (PORTICO_DRAIN__GRACE): "long" is not allowed. Write a duration such as "800ms", "30s", "5m", "1h", from 0ms to 10m.',
        '',
      ].join('\n'),
    );
  });

  test('dev does not run with NODE_ENV=production', async () => {
    assert.deepEqual(await portico('dev', { NODE_ENV: 'production' }), {
      code: 2,
      stdout: '',
      stderr: 'portico: `portico dev` signs anyone in: it does not run with NODE_ENV=production. Use `portico serve`.\n',
    });
  });

  test('a database that is not there, and a server that does not answer, end with 3', async () => {
    const [migrate, health] = await Promise.all([
      portico('migrate', { DATABASE_URL: 'postgres://someone:hunter2@127.0.0.1:1/none' }),
      portico('health --url http://127.0.0.1:1/readyz'),
    ]);
    assert.deepEqual(migrate, {
      code: 3,
      stdout: '',
      stderr: 'portico: The database of DATABASE_URL cannot be used: connect ECONNREFUSED 127.0.0.1:1\n',
    });
    assert.deepEqual(health, {
      code: 3,
      stdout: '',
      stderr: 'portico: http://127.0.0.1:1/readyz does not answer: connect ECONNREFUSED 127.0.0.1:1\n',
    });
  });

  test('check looks at everything and makes no database', async () => {
    const [text, json] = await Promise.all([
      portico(`check --dev --set dataDir=fresh --set sample=false ${upstreamFlags.join(' ')}`),
      portico(`check --dev --json --set dataDir=other --set app.services=app.v1.HomService ${upstreamFlags.join(' ')}`),
    ]);
    const counted = text.stdout.replace(/\d+ methods$/m, 'N methods').replace(/\d+ screens, \d+ reasons, texts in .+$/m, 'N screens');
    assert.deepEqual(
      { ...text, stdout: counted },
      {
        code: 0,
        stdout: [
          'ok     settings     read as `portico dev`',
          'ok     policies     N methods',
          'ok     app          N screens',
          'ok     sign-in      by a name: this is dev',
          `ok     upstreams    ${Object.keys(appUpstreams).length} set`,
          'ok     certificates usable',
          'ok     keys         1 that sign or verify',
          'ok     push         to the log',
          `ok     database     will be made in ${join(cwd, 'fresh')} at the start`,
          'ok     redis        not set: everything in memory, for one replica only',
          '',
        ].join('\n'),
        stderr: '',
      },
    );
    assert.equal(json.code, 2);
    const { ok, checks } = JSON.parse(json.stdout) as {
      readonly ok: boolean;
      readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly message: string }[];
    };
    assert.deepEqual([ok, checks.filter((check) => !check.ok).map(({ name }) => name)], [false, ['policies']]);
    assert.match(
      checks.find(({ name }) => name === 'policies')?.message ?? '',
      /^app\.services names app\.v1\.HomService, which is no service here\./,
    );
    assert.equal(json.stderr, 'portico: 1 of 10 checks failed.\n');
  });

  test('check of a production whose files are not there says each', async () => {
    writeFileSync(
      join(cwd, 'production.yaml'),
      [
        'public: {tls: {certFile: none.pem, keyFile: none-key.pem}}',
        'auth: {keysDir: none, refreshKey: a-secret-of-more-than-thirty-two-characters}',
        'upstreams: {nobodys: {address: "nobody:9000", tls: {caFile: none-ca.pem}}}',
      ].join('\n'),
    );
    const { code, stdout, stderr } = await portico('check -c production.yaml', { DATABASE_URL: 'postgres://someone:hunter2@127.0.0.1:1/none' });
    assert.equal(code, 2);
    assert.match(stderr, /^portico: \d of 10 checks failed\.\n$/);
    const lines = stdout.split('\n');
    for (const line of [
      'ok     settings     read as `portico serve`',
      'WRONG  upstreams    upstreams.nobodys.tls.caFile: the file none-ca.pem cannot be read (ENOENT).',
      'WRONG  certificates The file none.pem cannot be read (ENOENT).',
      'WRONG  keys         The folder of signing keys none cannot be read (ENOENT).',
      'WRONG  database     The database of DATABASE_URL cannot be used: connect ECONNREFUSED 127.0.0.1:1',
    ])
      assert.ok(lines.includes(line), `${line}\n${stdout}`);
    assert.match(
      stdout,
      /^WRONG {2}upstreams {4}upstreams\.nobodys \(production\.yaml:3\): no screen and no policy uses it\. Screens and policies use /m,
    );
    assert.doesNotMatch(stdout, /hunter2|thirty-two/);
  });

  test('a reader that has read enough ends a command without a word', async () => {
    const schema = `'${process.execPath}' '${join(root, 'src/main.ts')}' config --schema`;
    const { stdout, stderr } = await startProcess('sh', ['-c', `${schema} | head -c 2`], { cwd, env: { PATH: process.env.PATH ?? '' } }).ended;
    assert.deepEqual([stdout, stderr], ['{\n', '']);
  });

  test('plan and config print what is asked for to stdout, and no secret', async () => {
    const [plan, config, schema] = await Promise.all([
      portico('plan --json'),
      portico('config --dev', { DATABASE_URL: 'postgres://someone:hunter2@db/portico' }),
      portico('config --schema'),
    ]);
    assert.deepEqual([plan.code, config.code, schema.code, plan.stderr, config.stderr, schema.stderr], [0, 0, 0, '', '', '']);
    const methods = (JSON.parse(plan.stdout) as readonly { readonly method: string }[]).map(({ method }) => method);
    assert.ok(methods.includes('portico.v1.SessionService/SignIn'), plan.stdout);
    assert.match(config.stdout, /^sql\.url: "\[secret\]" {2}\(DATABASE_URL\)$/m);
    assert.doesNotMatch(config.stdout, /hunter2/);
    assert.equal((JSON.parse(schema.stdout) as { readonly type: string }).type, 'object');
  });
});
