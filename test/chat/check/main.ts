// npm run check:chat -- [--seeds N] [--seed FIRST] [--seconds S] [--clients N] [--replicas N] [--fault NAME]… [--quiet]
// `--replicas 0`: one with everything embedded. A seed gives the same faults in the same order; when they happen is up
// to the machine.
import { parseArgs } from 'node:util';
import { runCheck } from './run-check.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '20' },
    replicas: { type: 'string', default: '3' },
    fault: { type: 'string', multiple: true },
    quiet: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const faults = values.fault === undefined ? {} : { faults: values.fault };
const onStep = (step: string) => values.quiet || console.log(`  ${step}`);
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  console.log(`seed ${seed}`);
  const options = { seed, clients: Number(values.clients), replicas: Number(values.replicas), seconds: Number(values.seconds) };
  const { did, broken } = await runCheck({ ...options, ...faults, onStep });
  console.log(
    `did ${Object.entries(did)
      .map(([what, n]) => `${n} × ${what}`)
      .join(', ')}`,
  );
  for (const line of broken.slice(0, 50)) console.log(`  BROKEN ${line}`);
  console.log(broken.length === 0 ? 'nothing was lost, doubled, reordered or shown to others' : `${broken.length} promises were broken`);
  if (broken.length > 0) process.exitCode = 1;
}
process.exit();
