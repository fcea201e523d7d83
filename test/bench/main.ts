// `npm run bench -- NAME [--json] [--quick] [--against DIR]`: measures, prints a table, and as its last line one JSON object. docs/reference/benchmarks.md says what is measured.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { cache } from './cache.ts';
import { chat } from './chat.ts';
import { fanout } from './fanout.ts';
import type { Cores } from './harness.ts';
import { idle } from './idle.ts';
import { profile } from './profile.ts';
import { type Result, tableOf } from './result.ts';
import { startup } from './startup.ts';
import { storms } from './storms.ts';
import { unary } from './unary.ts';
import { unknown } from './unknown.ts';

type Options = { readonly quick: boolean; readonly against: string | undefined };
const benches: Readonly<Record<string, (options: Options) => Promise<Result>>> = {
  startup,
  cache: (options) => cache({ ...options, cores: pinned() }),
  chat: (options) => chat({ ...options, cores: pinned() }),
  fanout: (options) => fanout({ ...options, cores: pinned() }),
  idle: (options) => idle({ ...options, cores: pinned() }),
  profile: (options) => profile({ ...options, cores: pinned() }),
  storms: (options) => storms({ ...options, cores: pinned() }),
  unary: (options) => unary({ ...options, cores: pinned() }),
  unknown: (options) => unknown({ ...options, cores: pinned() }),
};
const usage = `Usage: npm run bench -- ${Object.keys(benches).join('|')} [--json] [--quick] [--against DIR]

  --json         print nothing but the result: one JSON object
  --quick        few calls, to see that it works: its numbers mean nothing
  --against DIR  unary only: another checkout of Portico, with its node_modules, measured in the same interleaved run`;

/** The server has the last core to itself; this process and everything else stay on the first. */
function pinned(): Cores {
  const cores = availableParallelism();
  if (cores < 2) throw new Error('This benchmark needs two cores: one for the server, one for the load.');
  execFileSync('taskset', ['-cp', '0', String(process.pid)], { stdio: 'ignore' });
  return { server: cores - 1, load: 0 };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, against: { type: 'string' } },
});
const bench = benches[positionals[0] ?? ''];
if (bench === undefined || positionals.length !== 1) {
  console.error(usage);
  process.exit(64);
}
const result = await bench({ quick: values.quick, against: values.against });
const { bench: name, ratios, raw } = result;
if (!values.json) console.log(tableOf(result));
console.log(JSON.stringify({ bench: name, ratios, raw }));
