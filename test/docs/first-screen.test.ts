// Does what docs/screens/first-screen.md says, in a clone, block by block.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { cloneProject } from '../support/clone.ts';
import { blocksOf } from '../support/page.ts';
import { freePort } from '../support/postgres.ts';

const page = resolve(import.meta.dirname, '../../docs/screens/first-screen.md');

test('the page about the first screen works as it is printed', { timeout: 120_000 }, async () => {
  const { folder, remove } = cloneProject();
  const [publicPort, internalPort, adminPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ...process.env,
    PORTICO_PUBLIC__PORT: String(publicPort),
    PORTICO_INTERNAL__PORT: String(internalPort),
    PORTICO_ADMIN__PORT: String(adminPort),
    NODE_TEST_CONTEXT: undefined, // a test run of its own, not a part of this one
  };
  const sh = (text: string) =>
    execFileSync('sh', ['-ec', text.replaceAll('localhost:8443', `localhost:${publicPort}`)], { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' });
  let server: { readonly process: ReturnType<typeof spawn>; readonly ended: Promise<unknown> } | undefined;
  try {
    const printed: string[] = [];
    for (const { language, file, words, text } of blocksOf(page)) {
      if (file !== undefined) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), text);
      } else if (language === 'diff') {
        writeFileSync(join(folder, 'change.diff'), text);
        sh('patch -p1 --batch < change.diff');
      } else if (words.includes('background')) {
        const started = spawn('sh', ['-c', `exec ${text.trim()}`], { cwd: folder, env, stdio: 'ignore' });
        server = { process: started, ended: once(started, 'exit') };
        await untilReady(`http://127.0.0.1:${adminPort}/readyz`);
      } else printed.push(sh(text));
    }
    sh('npm run -s types && npx biome check src/app proto/app test/support && npm run -s proto:check');
    assert.match(printed[0] ?? '', /app\.v1\.ProfileService\/GetProfile +unary +profile\.read +500ms/);
    assert.match(printed[1] ?? '', /✔ orders that are down leave the profile standing and are named as missing/);
    assert.match(printed[2] ?? '', /portico-cache: miss[\s\S]*"displayName":"Alice Marlow"[\s\S]*"parcelsUnderWay":\d/);
  } finally {
    server?.process.kill('SIGTERM');
    await server?.ended;
    remove();
  }
});

async function untilReady(url: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const ready = await fetch(url).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (ready) return;
    await new Promise((again) => setTimeout(again, 100));
  }
  throw new Error(`${url} never said 200`);
}
