// Does what the README says on a machine where `npm install` has run: starts the server as printed and makes the first call.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { blocksOf } from '../support/client/page.ts';
import { cloneProject } from '../support/server/clone.ts';
import { startServer } from '../support/server/server-process.ts';
import { until } from '../support/time/until.ts';

const readme = resolve(import.meta.dirname, '../../README.md');

test('the README starts a server, and its first call gets the home screen', async () => {
  const { folder, remove } = cloneProject();
  const blocks = blocksOf(readme);
  const commandOf = (word: string) => blocks.find(({ words }) => words.includes(word))?.text.trim() ?? '';
  assert.equal(commandOf('background'), 'npm install && npm start');
  assert.equal(commandOf('tests'), 'npm install && npm test');
  const server = await startServer('exec npm start', folder);
  try {
    const call = blocks.find(({ text }) => text.includes('curl -i'))?.text ?? '';
    const sh = (text: string) => execFileSync('sh', ['-ec', server.withPorts(text)], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    const again = call.split('\n').find((line) => line.startsWith('curl -i')) ?? '';
    let answers: readonly string[] = [];
    let tries = 0;
    await until(
      'an answer in time: the first call of a process on a busy machine may take longer than it may',
      () => {
        tries++;
        answers = sh(`${call}\necho ======\n${again}`).split('======');
        return !answers[0]?.includes('DEADLINE_EXCEEDED');
      },
      60_000,
    );
    // what came too late for one try is there for the next
    assert.match(answers[0] ?? '', tries === 1 ? /portico-cache: miss/ : /portico-cache: (?:miss|hit)/);
    assert.match(answers[0] ?? '', /"displayName":"Alice Marlow"/);
    assert.match(answers[1] ?? '', /portico-cache: hit[\s\S]*"displayName":"Alice Marlow"/);
  } finally {
    await server.stop();
    remove();
  }
});
