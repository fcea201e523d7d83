// Runs Connect's conformance suite against servers that run already, and reads what it says of each case.
import { join } from 'node:path';
import { attempt } from '../support/programs/programs.ts';
import type { GoPrograms } from './builds.ts';
import type { Outcomes } from './deviations.ts';
import type { Servers } from './servers.ts';

/** The longest that one run may take on a busy machine. Milliseconds. */
const runMaxMs = 900_000;
/** Cases at once: two processors are enough for them, and those that measure time want some quiet. */
const parallel = 4;

export async function runSuite(program: GoPrograms['program'], { plain, tls, caFile }: Servers): Promise<Outcomes> {
  const folder = import.meta.dirname;
  const server = [process.execPath, join(folder, 'announce.ts'), new URL(plain.url).port, new URL(tls.url).port, caFile];
  const args = ['--mode', 'server', '--vv', '--conf', join(folder, 'connect.yaml'), '--parallel', String(parallel), '--max-servers', '1'];
  const { stdout, stderr } = await attempt(program('connectconformance'), [...args, '--', ...server], { mostMs: runMaxMs });
  const said = `${stdout}\n${stderr}`;
  const outcomes = outcomesOf(said);
  const total = Number(/^Total cases: (\d+)$/m.exec(said)?.[1]);
  if (outcomes.size !== total || total === 0)
    throw new Error(`${outcomes.size} cases were sent, and the suite counts ${total}:\n${said.slice(-4_000)}`);
  return outcomes;
}

/** @param said what the suite prints: "Sending request for "NAME"", and "FAILED: NAME:" with a line per complaint, indented by a tab */
function outcomesOf(said: string): Outcomes {
  const outcomes = new Map<string, string[]>();
  let failed: string[] | undefined;
  for (const line of said.split('\n')) {
    const sent = /Sending request for "([^"]+)"/.exec(line)?.[1];
    const name = /^FAILED: (.*):$/.exec(line)?.[1];
    if (sent !== undefined && !outcomes.has(sent)) outcomes.set(sent, []);
    if (name !== undefined) {
      failed = outcomes.get(name) ?? [];
      outcomes.set(name, failed);
    } else if (line.startsWith('\t')) failed?.push(...[line.trim().replace(/^; /, '')].filter((complaint) => complaint !== ''));
    else if (line !== '') failed = undefined;
  }
  return outcomes;
}
