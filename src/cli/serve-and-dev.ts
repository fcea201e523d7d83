import { releaseVersion } from '../release/release.ts';
import type { Mode } from '../settings/defaults/by-mode-and-memory.ts';
import { start } from '../wire/start-server.ts';
import { primaryLink } from '../workers/worker-link.ts';
import { bannerOf, bannerText } from './banner.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { limitHeapGrowth } from './heap-growth.ts';
import { serveByWorkers } from './serve-by-workers.ts';
import { type SettingsFlags, settingsOf } from './settings-flags.ts';
import { endOnUncaughtError } from './uncaught-error.ts';
import { letV8ThreadsYield } from './v8-threads.ts';

/**
 * From the end of the drain to the end of the process: telemetry is exported, databases are closed. An embedded one may
 * just be creating its files, which takes a slow machine long, and is not interrupted. Milliseconds.
 */
const [closeMs, closeEmbeddedMs] = [10_000, 60_000];

/** `portico dev` and `portico serve`: runs until a signal ends it. */
export async function run(mode: Mode, flags: SettingsFlags): Promise<void> {
  if (mode === 'dev' && process.env.NODE_ENV === 'production')
    throw new Exit(exitCodes.config, '`portico dev` signs anyone in: it does not run with NODE_ENV=production. Use `portico serve`.');
  const primary = primaryLink();
  const read = settingsOf(mode, flags);
  if (mode === 'dev' && read.workers > 1) throw new Exit(exitCodes.config, `workers: ${read.workers} is for \`portico serve\`.`);
  const settings = primary === undefined ? read : { ...read, hosts: { ...read.hosts, admin: '127.0.0.1' }, admin: { ...read.admin, port: 0 } };
  const terminal = process.stdout.isTTY === true;
  const { logFormat } = settings.telemetry;
  const pretty = logFormat === 'auto' ? mode === 'dev' && terminal : logFormat === 'text';
  if (settings.workers > 1 && primary === undefined) return serveByWorkers(settings, pretty);
  limitHeapGrowth();
  if (mode === 'serve') letV8ThreadsYield(); // a developer's machine has other work, which would keep them from their core
  const portico = await start({ settings, env: process.env, pretty, ticketKeys: await primary?.ticketKeys });
  endOnUncaughtError(portico);
  const banner = bannerOf(settings, portico);
  const sayHello = () => {
    if (primary !== undefined) primary.listening({ adminPort: portico.ports.admin, banner });
    else if (mode === 'dev' || terminal) process.stdout.write(`${bannerText(releaseVersion(), mode, banner)}\n`);
    else portico.log.info('Portico listens.', { mode, ...banner });
  };

  const leave = async () => {
    const startedMs = performance.now();
    const { finished, cut, calls, streams } = await portico.drain();
    const counts = { streams_moved: streams, connections_finished: finished, connections_cut: cut, calls_cut: calls };
    portico.log.info('Portico has drained.', { duration_ms: Math.round(performance.now() - startedMs), ...counts });
    const limitMs = settings.sql.url === undefined ? closeEmbeddedMs : closeMs;
    const tooLong = setTimeout(() => {
      portico.log.error('Closing took too long: the process ends.', { limit_ms: limitMs });
      process.exit(exitCodes.failed);
    }, limitMs);
    await portico.close();
    clearTimeout(tooLong);
  };
  const stopped = new Promise<void>((resolve, reject) => {
    let leaving = false;
    const onSignal = (signal: string) => {
      if (leaving) process.exit(exitCodes.failed); // a second signal ends at once
      leaving = true;
      portico.log.info(`${signal}: finishing the calls in flight; a second signal ends them.`, {
        spread_ms: settings.drain.spread,
        grace_ms: settings.drain.grace,
      });
      leave().then(resolve, reject);
    };
    if (primary !== undefined) primary.onStop(onSignal, () => process.exit(exitCodes.failed));
    else for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onSignal(signal));
    sayHello(); // only now, because its reader may end the process at once
    portico.whenReady.then(
      () => {
        if (!leaving) portico.log.info('Ready.');
      },
      async (error: unknown) => {
        if (leaving) return;
        await portico.close();
        reject(new Exit(exitCodes.dependency, error instanceof Error ? error.message : String(error)));
      },
    );
  });
  await stopped;
}
