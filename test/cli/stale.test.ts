// A .proto file that was changed, and `npm run generate` forgotten: nothing runs by the policies of before.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { generatedList, listGenerated, refuseStale } from '../../src/release/stale-generated-code.ts';
import { cloneProject } from '../support/server/clone.ts';
import { startProcess } from '../support/server/process.ts';

/** A folder with .proto files and what was made of them, as far as it matters here. */
function release() {
  const folder = mkdtempSync(join(tmpdir(), 'portico-stale-'));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write('proto/app/v1/home.proto', 'syntax = "proto3";\npackage app.v1;\n');
  write('third_party/google/rpc/status.proto', 'syntax = "proto3";\n');
  write('src/gen/app/v1/home.ts', 'export const home = 1;\n');
  write('src/gen/descriptors.binpb', 'descriptors');
  write(generatedList, listGenerated(folder, folder));
  return { folder, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const changes: readonly (readonly [says: string, change: (of: ReturnType<typeof release>) => void, line: RegExp])[] = [
  [
    'a changed policy',
    ({ folder }) => appendFileSync(join(folder, 'proto/app/v1/home.proto'), '// open to all\n'),
    /proto\/app\/v1\/home\.proto was changed/,
  ],
  ['a changed vendored file', ({ write }) => write('third_party/google/rpc/status.proto', ''), /third_party\/google\/rpc\/status\.proto was changed/],
  ['a new file', ({ write }) => write('proto/app/v1/profile.proto', 'syntax = "proto3";\n'), /proto\/app\/v1\/profile\.proto is new/],
  ['a file that was removed', ({ folder }) => rmSync(join(folder, 'proto/app/v1/home.proto')), /proto\/app\/v1\/home\.proto was removed/],
  ['descriptors of another branch', ({ write }) => write('src/gen/descriptors.binpb', 'others'), /src\/gen\/descriptors\.binpb is not what was made/],
  ['code that was edited', ({ write }) => write('src/gen/app/v1/home.ts', ''), /src\/gen\/app\/v1\/home\.ts is not what was made/],
  ['a list that is not there', ({ folder }) => rmSync(join(folder, generatedList)), /src\/gen\/sources\.sha256 is missing/],
];
for (const [says, change, line] of changes)
  test(`${says} is refused, with what to type`, () => {
    using of = release();
    refuseStale(of.folder);
    change(of);
    assert.throws(() => refuseStale(of.folder), line);
    assert.throws(() => refuseStale(of.folder), /`npm run generate`/);
  });

test('line ends of Windows are no change, and a file that was moved is named by both names', () => {
  using of = release();
  const file = join(of.folder, 'proto/app/v1/home.proto');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('\n', '\r\n'));
  refuseStale(of.folder);
  renameSync(file, join(of.folder, 'proto/app/v1/start.proto'));
  assert.throws(() => refuseStale(of.folder), /start\.proto is new[\s\S]*home\.proto was removed/);
});

test('a bundle, which has no .proto files, is taken as it is', () => {
  using of = release();
  rmSync(join(of.folder, 'proto'), { recursive: true });
  rmSync(join(of.folder, generatedList));
  refuseStale(of.folder);
});

describe('in a clone whose policy was changed', { concurrency: 2 }, () => {
  const { folder, remove } = cloneProject();
  after(remove);
  const file = join(folder, 'proto/portico/v1/session.proto');
  appendFileSync(file, '// changed\n');
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
  const run = (...args: readonly string[]) =>
    startProcess(process.execPath, [join(folder, 'scripts/launch.cjs'), ...args], { cwd: folder, env }).ended;

  for (const command of ['dev', 'serve', 'plan', 'check --dev', 'check'])
    test(`portico ${command} ends with 2 and says what to do`, async () => {
      const needed = command === 'serve' || command === 'check' ? production() : [];
      const { code, stdout, stderr } = await run('src/main.ts', ...command.split(' '), ...needed);
      assert.equal(code, 2, stderr);
      assert.match(stdout + stderr, /run `npm run generate`[\s\S]* {2}proto\/portico\/v1\/session\.proto was changed\n/);
      assert.doesNotMatch(stderr, /\n {4}at /);
    });

  test('so does the build', async () => {
    const { code, stderr } = await run('scripts/build.ts');
    assert.equal(code, 2, stderr);
    assert.match(stderr, /run `npm run generate`/);
  });

  test('version and help need nothing of it', async () => {
    assert.equal((await run('src/main.ts', '--version')).code, 0);
  });

  /** As far as it must be set before anything is looked at. */
  function production(): readonly string[] {
    const settings = {
      'sql.url': 'postgres://me@127.0.0.1:1/none',
      'auth.keysDir': 'keys',
      'auth.refreshKey': 'x'.repeat(32),
      'public.plaintext': 'true',
      'internal.tls': '{"certFile":"a.pem","keyFile":"b.pem"}',
      'auth.externalIssuers': '[{"issuer":"https://id.example.com","jwksUrl":"https://id.example.com/jwks.json","audiences":["a"]}]',
    };
    return Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  }
});
