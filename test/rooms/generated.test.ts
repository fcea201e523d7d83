import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const generated = ['src/gen', 'test/fixture/gen'];

test('the generated code and descriptors are those of the .proto files', () => {
  const fresh = mkdtempSync(join(tmpdir(), 'portico-gen-'));
  try {
    execFileSync(process.execPath, [join(root, 'scripts/generate.ts'), '--to', fresh], { stdio: 'pipe' });
    for (const folder of generated) {
      const list = (base: string) =>
        readdirSync(join(base, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(base.length + 1))
          .sort();
      assert.deepEqual(list(root), list(fresh), `${folder} has other files: run npm run generate`);
      for (const file of list(fresh)) {
        assert.ok(readFileSync(join(root, file)).equals(readFileSync(join(fresh, file))), `${file} is not fresh: run npm run generate`);
      }
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
});
