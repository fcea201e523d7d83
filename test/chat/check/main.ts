// npm run check:chat -- [--seeds N] [--seed FIRST] [--seconds S] [--clients N] [--replicas N]
import { parseArgs } from 'node:util';
import { runCheck } from './run-check.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '20' },
    replicas: { type: 'string', default: '3' },
  },
});
const first = Number(values.seed);
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const options = { seed, clients: Number(values.clients), replicas: Number(values.replicas), seconds: Number(values.seconds) };
  const { did, broken } = await runCheck(options);
  console.log(
    `seed ${seed}: ${Object.entries(did)
      .map(([what, n]) => `${n} × ${what}`)
      .join(', ')}`,
  );
  for (const line of broken.slice(0, 50)) console.log(`  BROKEN ${line}`);
  console.log(broken.length === 0 ? '  nothing was lost, doubled, reordered or shown to others' : `  ${broken.length} promises were broken`);
  if (broken.length > 0) process.exitCode = 1;
}
process.exit();
