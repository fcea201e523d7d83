import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Costs, costNames } from '../../../src/cli/capacity/costs.ts';

const root = resolve(import.meta.dirname, '../../..');

/** The file that `portico capacity` and docs/operating/capacity.md share; then the page is made anew. */
export function writeCosts(costs: Costs): void {
  const lines = costNames.map((name) => `  ${name}: ${costs[name]},`);
  writeFileSync(
    resolve(root, 'src/cli/capacity/measured-costs.ts'),
    `// Written by \`npm run bench -- capacity --write\`; the command and docs/operating/capacity.md have these numbers.
/** What a client, a call, a delivery, a message and a handshake cost: CPU in microseconds, sizes in bytes. */
export const measuredCosts = {
  machine: ${`'${costs.machine.replaceAll("'", '')}'`},
${lines.join('\n')}
} as const;
`,
  );
  execFileSync(process.execPath, ['scripts/docs.ts'], { cwd: root, stdio: 'inherit' });
}
