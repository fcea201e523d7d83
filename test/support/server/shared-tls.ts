// What dev makes at its first start, an authority and its certificate, made once for all servers of a test run: it is a
// third of the CPU of opening one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { devTls } from '../../../src/transport/tls/dev-certificates.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';

const variable = 'TEST_DEV_TLS';

/** For the global setup: makes them, and says to the test processes where they are. */
export async function makeSharedTls(): Promise<{ remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-tls-'));
  await devTls(folder, systemClock.nowMs());
  process.env[variable] = folder;
  return { remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** @returns their folder. Undefined in a file that is run alone, whose servers make their own. */
export function sharedTls(): string | undefined {
  return process.env[variable];
}
