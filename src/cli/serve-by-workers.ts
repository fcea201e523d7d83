import { randomBytes } from 'node:crypto';
import { releaseVersion } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import { openProcessLog } from '../wire/process-log.ts';
import { systemClock } from '../wire/system-clock.ts';
import { openSummedAdmin } from '../workers/admin-of-all-workers.ts';
import { openWorkerPool, WorkerFailed } from '../workers/worker-pool.ts';
import { type Banner, bannerText, urlHost } from './banner.ts';
import { Exit, exitCodes } from './exit-codes.ts';

/** Longer than a worker takes to drain and to close. Milliseconds. */
const closeMs = 15_000;

/** `portico serve` with `workers` above 1: this process holds the ports, and its workers serve. */
export async function serveByWorkers(settings: Settings, pretty: boolean): Promise<void> {
  const { drain, workers, hosts, admin: place } = settings;
  const { log, flush } = openProcessLog(settings, pretty);
  const pool = openWorkerPool({ count: workers, ticketKeys: randomBytes(48), clock: systemClock, log });
  let leaving = false;
  const stopped = new Promise<number>((resolve) => {
    const onSignal = (signal: string) => {
      if (leaving) {
        pool.end(); // a second signal ends at once
        process.exit(exitCodes.failed);
      }
      leaving = true;
      const limitMs = drain.spread + drain.grace + closeMs;
      setTimeout(() => {
        log.error('The workers took too long: the process ends.', { limit_ms: limitMs });
        pool.end();
        process.exit(exitCodes.failed);
      }, limitMs).unref();
      void pool.drain(signal).then(resolve);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onSignal(signal));
  });
  const stoppedEarly = stopped.then((code) => (code === 0 ? undefined : Promise.reject(new WorkerFailed(code))));
  const first = await Promise.race([pool.listening, stoppedEarly]).catch((error: unknown) => {
    if (error instanceof WorkerFailed) throw new Exit(error.code, `${error.message} It says why above.`);
    throw error;
  });
  if (first === undefined) return flush(); // a signal came while they started
  const admin = await openSummedAdmin({ host: hosts.admin, port: place.port, pool, isDraining: () => leaving }).catch((error: unknown) => {
    pool.end();
    throw error;
  });
  const { urls, ...rest } = first.banner as Banner;
  const adminUrl = `http://${urlHost(hosts.admin)}:${admin.port}`;
  const banner: Banner = { ...rest, urls: { ...urls, admin: adminUrl }, command: `curl ${adminUrl}/readyz` };
  if (process.stdout.isTTY === true) process.stdout.write(`${bannerText(releaseVersion(), 'serve', banner)}\n  workers   ${workers}\n`);
  else log.info('Portico listens.', { mode: 'serve', workers, ...banner });
  const code = await stopped;
  await admin.close();
  flush();
  if (code !== 0) throw new Exit(code, `A worker ended with code ${code}.`);
}
