// `npm run fuzz -- --seed 7 --seconds 600`: runs on, with a seed of its own where none is given, and says what it
// found.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { globalSetup, globalTeardown } from '../support/global-setup.ts';
import { fuzz } from './fuzz.ts';
import { memoryOf } from './memory.ts';

const { values } = parseArgs({ options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' }, round: { type: 'string' } } });
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
console.log(`--seed ${seed} --seconds ${values.seconds}`);
await globalSetup();
try {
  const result = await fuzz({ seed, seconds: Number(values.seconds), ...(values.round !== undefined && { round: Number(values.round) }) });
  const { findings, rounds, cases, statuses, rssBytes } = result;
  for (const finding of findings) console.log(`\n${finding}`);
  console.log(
    `\n${rounds} rounds, ${cases} cases, ${findings.length} findings; memory ${rssBytes.map((bytes) => Math.round(bytes / 1_000_000)).join(' → ')} MB`,
  );
  console.log(
    [...statuses]
      .sort(([, a], [, b]) => b - a)
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  );
  const grown = values.round === undefined ? memoryOf(result, Number(values.seconds)) : undefined;
  if (grown !== undefined) console.log(grown);
  process.exitCode = findings.length === 0 && grown === undefined ? 0 : 1;
} finally {
  await globalTeardown();
}
