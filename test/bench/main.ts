// `npm run bench -- NAME [--json] [--quick] [--against DIR] [--write]`: measures, prints a table, and as its last line one JSON object. docs/reference/benchmarks.md says what is measured.
import { parseArgs } from 'node:util';
import { cache } from './cache.ts';
import { capacity } from './capacity.ts';
import { chat } from './chat.ts';
import { fanout } from './fanout.ts';
import { idle } from './idle.ts';
import { media } from './media.ts';
import { pinnedCores } from './pinned-cores.ts';
import { profile } from './profile.ts';
import { push } from './push.ts';
import { type Result, tableOf } from './result.ts';
import { startup } from './startup.ts';
import { storms } from './storms.ts';
import { unary } from './unary.ts';
import { unknown } from './unknown.ts';
import { workers } from './workers.ts';

type Options = { readonly quick: boolean; readonly against: string | undefined; readonly write: boolean };
const benches: Readonly<Record<string, (options: Options) => Promise<Result>>> = {
  startup,
  capacity: (options) => capacity({ ...options, cores: pinnedCores() }),
  cache: (options) => cache({ ...options, cores: pinnedCores() }),
  chat: (options) => chat({ ...options, cores: pinnedCores() }),
  fanout: (options) => fanout({ ...options, cores: pinnedCores() }),
  idle: (options) => idle({ ...options, cores: pinnedCores() }),
  media: (options) => media({ ...options, cores: pinnedCores() }),
  profile: (options) => profile({ ...options, cores: pinnedCores() }),
  push: (options) => push({ ...options, cores: pinnedCores() }),
  storms: (options) => storms({ ...options, cores: pinnedCores() }),
  unary: (options) => unary({ ...options, cores: pinnedCores() }),
  unknown: (options) => unknown({ ...options, cores: pinnedCores() }),
  workers: (options) => workers({ ...options, cores: pinnedCores() }),
};
const usage = `Usage: npm run bench -- ${Object.keys(benches).join('|')} [--json] [--quick] [--against DIR] [--write]

  --json         print nothing but the result: one JSON object
  --quick        few calls, to see that it works: its numbers mean nothing
  --against DIR  unary only: another checkout of Portico, with its node_modules, measured in the same interleaved run
  --write        capacity only: writes src/cli/capacity/measured-costs.ts, which \`portico capacity\` and its page have`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    against: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const bench = benches[positionals[0] ?? ''];
if (bench === undefined || positionals.length !== 1) {
  console.error(usage);
  process.exit(64);
}
const result = await bench({ quick: values.quick, against: values.against, write: values.write });
const { bench: name, ratios, raw } = result;
if (!values.json) console.log(tableOf(result));
console.log(JSON.stringify({ bench: name, ratios, raw }));
