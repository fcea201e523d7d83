// A clone in which a page of the docs is followed, and the checks that a newcomer runs after it.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { blocksOf } from '../support/client/page.ts';
import { cloneProject } from '../support/server/clone.ts';

/**
 * The tests that the app, its protos or the files that are deleted with the sample can affect: those that read the
 * repository, run its command line, or serve its methods. NEWCOMER=whole runs `npm test` instead.
 */
const affected = [
  'src/{app,cli,release,settings}/**/*.test.ts',
  'test/{cli,docs,policy,rooms,settings,deploy,chart}/**/*.test.ts',
  'test/e2e/{grpc-services,serve-mode}.test.ts',
  'test/e2e/methods/*.test.ts',
];

export type Newcomer = {
  readonly folder: string;
  /**
   * Does what a page of docs says, block by block, except what it starts in the background. @returns what its commands
   * printed
   */
  follow(page: string): readonly string[];
  /** @param files globs; with NEWCOMER=whole all tests are run. @throws Error with the end of what was printed */
  check(...files: readonly string[]): void;
  remove(): void;
};

/** Clones the project as it is now into a repository of its own. */
export function openNewcomer(): Newcomer {
  const { folder, remove } = cloneProject();
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // what runs in the clone is no part of this test run
  const sh = (command: string): string => {
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', command], { cwd: folder, env, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (status === 0) return stdout;
    const failures = stdout.split('✖ failing tests:').at(-1) ?? '';
    throw new Error(`\`${command}\` ended with ${status}:\n${failures.slice(0, 8_000)}\n${stderr.slice(-2_000)}`);
  };
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  writeFileSync(join(folder, '.git/info/exclude'), 'node_modules\n'); // a link to ours, which .gitignore takes for a file
  return {
    folder,
    follow: (page) =>
      blocksOf(resolve(folder, page)).map(({ language, file, words, text }) => {
        if (file !== undefined) {
          mkdirSync(dirname(join(folder, file)), { recursive: true });
          writeFileSync(join(folder, file), text);
          return '';
        }
        if (language === 'diff') {
          writeFileSync(join(folder, '.git/change.diff'), text);
          return sh('git apply .git/change.diff');
        }
        // a server, and calls to it: test/newcomer/first-screen-page.spec.ts makes them
        return words.includes('background') || text.includes('curl ') ? '' : sh(text);
      }),
    check: (...files) => {
      sh('npm run -s types && npm run -s lint && npm run -s format:check && npm run -s proto:check && npm run -s portico -- check --dev');
      const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly scripts: { readonly test: string } };
      const runner = scripts.test.replace(/ '[^']*\.test\.ts'/g, '').replace('--test-concurrency=4', '--test-concurrency=2');
      const printed = sh(process.env.NEWCOMER === 'whole' ? 'npm test' : `${runner} ${[...affected, ...files].map((glob) => `'${glob}'`).join(' ')}`);
      const [, passed = 0] = /^ℹ pass (\d+)$/m.exec(printed) ?? [];
      if (Number(passed) < 200) throw new Error(`Only ${passed} tests ran:\n${printed.slice(-2_000)}`);
    },
    remove,
  };
}
