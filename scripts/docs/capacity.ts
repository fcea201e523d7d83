import { costNames, costRows } from '../../src/cli/capacity/costs.ts';
import { measuredCosts } from '../../src/cli/capacity/measured-costs.ts';

const [begin, end] = ['<!-- costs: generated from src/cli/capacity/measured-costs.ts -->', '<!-- end of costs -->'];

/** docs/operating/capacity.md with the costs that were measured last. */
export function capacityPage(page: string): string {
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/operating/capacity.md needs the lines ${begin} and ${end}.`);
  const rows = costNames.map((name) => `| ${costRows[name]} | ${measuredCosts[name].toLocaleString('en', { maximumFractionDigits: 2 })} |`);
  const table = `Measured: ${measuredCosts.machine}.\n\n| what | cost |\n|---|---|\n${rows.join('\n')}`;
  return `${before}${begin}\n\n${table}\n\n${end}${after}`;
}
