// Each safeguard of live updates, taken out of a copy of the code: the histories of history.ts find that it is missing.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { attempt } from '../support/programs/programs.ts';

const root = resolve(import.meta.dirname, '../..');
const seeds = 120;

const safeguards = {
  'the gap check: an offset that is not the next one, and so another event before it': [
    'src/core/ports/topic-log.ts',
    "event.offset === last.offset + 1) return previousId === undefined || previousId === last.id ? 'next' : 'read'",
    "event.offset > last.offset) return 'next'",
  ],
  'the position check: a burst whose end was announced to nobody': [
    'src/core/services/live/feed.ts',
    'clock.after(lookMs, () => void repair())',
    '() => {}',
  ],
  'the id of the event before: a lost end whose offsets others took, announced to nobody': [
    'src/core/ports/topic-log.ts',
    "previousId === undefined || previousId === last.id ? 'next' : 'read'",
    "'next'",
  ],
  'the id check: another event at the same offset': ['src/core/adapters/memory/kept-log.ts', "if (id !== after.id) return 'other-event';", ''],
} as const;

for (const [what, [file, code, without]] of Object.entries(safeguards))
  test(`${what}: without it something is missed silently`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portico-safeguard-'));
    try {
      for (const part of ['src', 'test', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      const text = readFileSync(join(folder, file), 'utf8');
      assert.equal(text.split(code).length, 2, `${file} has "${code}" once`);
      writeFileSync(join(folder, file), text.replace(code, without));
      const script = `import { runHistory } from '${join(folder, 'test/live/history.ts')}';
        let found = [];
        for (let seed = 1; seed <= ${seeds} && found.length === 0; seed++) found = await runHistory({ seed, clients: 20, events: 500 });
        console.log(found.join());`;
      const { stdout } = await attempt(process.execPath, ['--input-type=module', '-e', script], { mostMs: 120_000 });
      assert.match(stdout, /after \d+ came \d+|it ended with \d+ instead of \d+/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
