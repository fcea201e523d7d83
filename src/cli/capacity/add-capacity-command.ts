import type { Command } from 'commander';
import { assumptionRows, optionOf } from './assumptions.ts';

/** Adds `portico capacity`: an option for each assumption. */
export function addCapacity(command: (name: string, description: string) => Command): void {
  const capacity = command('capacity', 'turn a number of clients into pods, Redis shards, PostgreSQL and network')
    .requiredOption('--clients <number>', 'clients that are connected at the same time, at the peak')
    .option(
      '--handshakes-per-second <number>',
      'new connections that are allowed after a zone is lost; default: what the remaining pods have CPU for',
    )
    .option('--seed <number>', 'of the simulation', '1')
    .option('--plot <file>', 'write an SVG of how the clients of a lost zone return')
    .option('--json', 'print one JSON object');
  for (const [name, { usual, meaning }] of Object.entries(assumptionRows)) capacity.option(`${optionOf(name)} <number>`, meaning, String(usual));
  capacity.action(async (flags) => (await import('./run-capacity.ts')).runCapacity(flags));
}
