import { type AssumptionName, type Assumptions, assumptionRows, optionOf } from './assumptions.ts';
import { type Costs, costNames, costRows } from './costs.ts';
import type { Cluster } from './size-cluster.ts';
import type { ZoneLoss } from './zone-loss.ts';

type Result = {
  readonly clients: number;
  readonly assumptions: Assumptions;
  readonly costs: Costs;
  readonly cluster: Cluster;
  readonly zoneLoss: ZoneLoss;
};
type Row = readonly [name: string, value: string, note: string];

/** For a person: every assumption and cost that was used, then what follows. */
export function reportOf({ clients, assumptions, costs, cluster, zoneLoss }: Result): string {
  const { pods, redis, postgres, network, coresBy, perSecond } = cluster;
  return [
    section(
      'Assumptions (each is an option)',
      Object.entries(assumptions).map(([name, value]) => [optionOf(name), number(value), assumptionRows[name as AssumptionName].meaning]),
    ),
    section(
      `Costs (measured: ${costs.machine})`,
      costNames.map((name) => [name, number(costs[name]), costRows[name]]),
    ),
    section(
      `Rates of ${number(clients)} clients, per second`,
      Object.entries(perSecond).map(([name, value]) => [name, number(value), '']),
    ),
    section('CPU of all pods, in cores', [
      ...Object.entries(coresBy).map(([name, value]): Row => [name, number(value), '']),
      ['together', number(cluster.cores), ''],
    ]),
    section('Cluster', [
      [
        'pods',
        number(pods.count),
        `${number(pods.perZone)} in each zone; the ${number(pods.remaining)} of the remaining zones carry all: ${number(pods.byCpu)} for their CPU, ${number(pods.byMemory)} for their memory`,
      ],
      ['Redis shards', number(redis.shards), `${number(redis.cores)} cores, ${bytes(redis.bytes)}; each with a replica in another zone`],
      [
        'PostgreSQL',
        `${number(postgres.cores)} cores`,
        `${bytes(postgres.storedBytes)} of messages, ${bytes(postgres.logBytesPerSecond)}/s of write-ahead log`,
      ],
      [
        'connections',
        number(postgres.connections),
        `to PostgreSQL, ${bytes(postgres.connectionBytes)} there${postgres.connections > 500 ? '; more than 500 need a pooler' : ''}`,
      ],
      ['network', `${bits(network.bytesPerSecond)}/s`, `${bits(network.bytesPerSecondOfPod)}/s for a pod, both directions together`],
    ]),
    section('A lost zone at the peak', [
      ['clients', number(zoneLoss.clients), 'return to the remaining zones'],
      [
        'handshakes',
        `${number(zoneLoss.handshakesPerSecond)}/s`,
        `are allowed; the remaining pods have CPU for ${number(zoneLoss.handshakesPossible)}/s${zoneLoss.handshakesPerSecond > zoneLoss.handshakesPossible ? ': too few, add pods' : ''}`,
      ],
      [
        'at once',
        seconds(zoneLoss.atOnce.attempts.length),
        `until all are back, with ${number(Math.max(...zoneLoss.atOnce.attempts.slice(0, 1)))} attempts in the first second and ${number(total(zoneLoss.atOnce.attempts))} in all`,
      ],
      [
        'jitter',
        seconds(zoneLoss.jitterSeconds),
        `of the first wait: at most ${number(zoneLoss.spread.attempts.reduce((a, b) => Math.max(a, b), 0))} attempts in a second, all are back after ${seconds(zoneLoss.spread.attempts.length)}`,
      ],
    ]),
  ].join('\n');
}

function section(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  const valueWidth = Math.max(...rows.map(([, value]) => value.length));
  return `${title}\n${rows.map(([name, value, note]) => `  ${name.padEnd(width)}  ${value.padStart(valueWidth)}  ${note}`.trimEnd()).join('\n')}\n`;
}

const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const seconds = (value: number) => `${number(value)} s`;
const number = (value: number) => value.toLocaleString('en', value >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
const bits = (value: number) => scaled(value * 8, ['bit', 'kbit', 'Mbit', 'Gbit', 'Tbit'], 1_000);
const bytes = (value: number) => scaled(value, ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], 1_024);

function scaled(value: number, units: readonly string[], step: number): string {
  const at = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log(Math.max(1, value)) / Math.log(step))));
  return `${number(value / step ** at)} ${units[at]}`;
}
