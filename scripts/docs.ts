// Makes the pages of docs/reference that are made from what they describe. With --to DIR it writes there instead.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { capacityPage } from './docs/capacity.ts';
import { commandLinePage } from './docs/command-line.ts';
import { configurationPage } from './docs/configuration.ts';
import { policyPage } from './docs/policy.ts';

const root = resolve(import.meta.dirname, '..');

/** Each page by its name in docs/reference. */
export function pages(): Readonly<Record<string, string>> {
  return {
    '../operating/capacity.md': capacityPage(readFileSync(join(root, 'docs/operating/capacity.md'), 'utf8')),
    'command-line.md': commandLinePage(),
    'configuration.md': configurationPage(),
    'policy.md': policyPage(readFileSync(join(root, 'src/gen/descriptors.binpb'))),
  };
}

if (import.meta.main) {
  const toIndex = process.argv.indexOf('--to');
  const to = toIndex === -1 ? root : resolve(String(process.argv[toIndex + 1]));
  for (const folder of ['operating', 'reference']) mkdirSync(join(to, 'docs', folder), { recursive: true });
  for (const [name, text] of Object.entries(pages())) writeFileSync(join(to, 'docs/reference', name), text);
}
