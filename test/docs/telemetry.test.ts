import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/operating/telemetry.md'), 'utf8');

test('the page about telemetry names every metric that there is, and no other', () => {
  const made = new Set(
    readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) => [
        ...readFileSync(join(root, 'src', file), 'utf8').matchAll(
          /(?:(?:\.create(?:Observable)?(?:UpDown)?(?:Counter|Gauge|Histogram)|\bcount)\(\s*|\bobserve(?:Gauge|Counter)\(meter, )['`]([^'`$]+)/g,
        ),
      ])
      .map(([, name = '']) => name.replace(/\.p$/, '')),
  );
  const cells = [...page.matchAll(/^\| (`[a-z0-9._]+`[^|]*) \|/gm)].map(([, cell = '']) => cell);
  const told = new Set(cells.flatMap((cell) => [...cell.matchAll(/`([a-z0-9][a-z0-9._]+)`/g)].map(([, name = '']) => name.replace(/\.p50$/, ''))));
  assert.deepEqual([...told].sort(), [...made].sort());
});
