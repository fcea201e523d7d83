// Does what docs/screens/first-screen.md says, in a clone, block by block.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { blocksOf } from '../support/client/page.ts';
import { cloneProject } from '../support/server/clone.ts';
import { type ServerProcess, serverEnvironment, startServer } from '../support/server/server-process.ts';

const page = resolve(import.meta.dirname, '../../docs/screens/first-screen.md');

test('the page about the first screen works as it is printed', async () => {
  const { folder, remove } = cloneProject();
  const environment = await serverEnvironment();
  const { env, withPorts } = environment;
  const sh = (text: string) => execFileSync('sh', ['-ec', withPorts(text)], { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' });
  let server: ServerProcess | undefined;
  try {
    const printed: string[] = [];
    for (const { language, file, words, text } of blocksOf(page)) {
      if (file !== undefined) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), text);
      } else if (language === 'diff') {
        writeFileSync(join(folder, 'change.diff'), text);
        sh('git apply change.diff'); // works outside a repository too
      } else if (words.includes('background')) server = await startServer(`exec ${text.trim()}`, folder, environment);
      else printed.push(sh(text));
    }
    sh('npm run -s types && npx biome check src/app && npm run -s proto:check');
    assert.match(printed[0] ?? '', /app\.v1\.ProfileService\/GetProfile +unary +profile\.read +500ms/);
    assert.match(printed[1] ?? '', /✔ orders that are down leave the profile standing and are named as missing/);
    assert.match(printed[2] ?? '', /portico-cache: miss[\s\S]*"displayName":"Alice Marlow"[\s\S]*"parcelsUnderWay":\d/);
  } finally {
    await server?.stop();
    remove();
  }
});
