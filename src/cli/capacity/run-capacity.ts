import { writeFileSync } from 'node:fs';
import { Exit, exitCodes } from '../exit-codes.ts';
import {
  type AssumptionName,
  type Assumptions,
  assumptionNames,
  assumptionRows,
  clientsBounds,
  handshakesBounds,
  numberOf,
  optionOf,
  seedBounds,
} from './assumptions.ts';
import { measuredCosts } from './measured-costs.ts';
import { reportOf } from './report.ts';
import { sizeCluster } from './size-cluster.ts';
import { stormPlot } from './storm-plot.ts';
import { loseZone } from './zone-loss.ts';

export type CapacityFlags = Readonly<Record<AssumptionName, string>> & {
  readonly clients: string;
  readonly handshakesPerSecond?: string;
  readonly seed: string;
  readonly plot?: string;
  readonly json?: boolean;
};

/** `portico capacity`: sizes a cluster by what was measured, and lets it lose a zone. */
export function runCapacity({ plot, json = false, ...texts }: CapacityFlags): void {
  const { clients, handshakesPerSecond: rate, seed, assumptions } = numbersOf(texts);
  try {
    const cluster = sizeCluster(clients, assumptions, measuredCosts);
    const zoneLoss = loseZone({ count: clients, cluster, assumptions, costs: measuredCosts }, { rate, seed });
    const result = { clients, assumptions, costs: measuredCosts, cluster, zoneLoss };
    if (plot !== undefined) writeFileSync(plot, stormPlot(zoneLoss));
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : reportOf(result));
  } catch (error) {
    if (error instanceof RangeError) throw new Exit(exitCodes.usage, error.message);
    if (plot !== undefined && (error as NodeJS.ErrnoException).syscall === 'open')
      throw new Exit(exitCodes.usage, `--plot ${plot}: ${(error as Error).message}`);
    throw error;
  }
}

/** @throws Exit with all that is wrong, at once */
function numbersOf({ clients, handshakesPerSecond, seed, ...rest }: Omit<CapacityFlags, 'plot' | 'json'>) {
  const wrong: string[] = [];
  const read = (name: string, text: string, bounds: Parameters<typeof numberOf>[2]) => {
    const value = numberOf(optionOf(name), text, bounds);
    if (typeof value === 'number') return value;
    wrong.push(value);
    return Number.NaN;
  };
  const numbers = {
    clients: read('clients', clients, clientsBounds),
    handshakesPerSecond: handshakesPerSecond === undefined ? undefined : read('handshakesPerSecond', handshakesPerSecond, handshakesBounds),
    seed: read('seed', seed, seedBounds),
    assumptions: Object.fromEntries(assumptionNames.map((name) => [name, read(name, rest[name], assumptionRows[name])])) as Assumptions,
  };
  if (wrong.length > 0) throw new Exit(exitCodes.usage, wrong.join('\nportico: '));
  return numbers;
}
