// A worker of a pool whose test says what it does: PORTICO_TEST_WORKERS is a folder with a file for each worker that was
// started, and `plan`, a line for each. "serves": listens. "slow": listens after a while. "dies": ends before it does.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { primaryLink } from '../../../src/workers/worker-link.ts';

const folder = process.env.PORTICO_TEST_WORKERS ?? '';
const plan = readFileSync(join(folder, 'plan'), 'utf8').split('\n');
const link = primaryLink();
await link?.ticketKeys;
const number = readdirSync(folder).length; // `plan` is there, too
writeFileSync(join(folder, String(number)), String(process.pid));
const does = plan[number - 1] ?? 'serves';
if (does === 'dies') process.exit(7);
if (does === 'slow') await setTimeout(500);
setInterval(() => {}, 1_000);
link?.onStop(
  () => process.exit(0),
  () => process.exit(1),
);
link?.listening({ adminPort: number, banner: undefined });
