import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openCertificates } from '../wire/certificates.ts';
import { redisFit } from '../wire/cluster.ts';
import { databaseMisfit } from '../wire/migrations.ts';
import { ourMethods, upstreamsOfScreens } from '../wire/our-methods.ts';
import { systemClock } from '../wire/system-clock.ts';
import { countKeys } from '../wire/tokens.ts';
import { upstreamConfigs } from '../wire/upstream-configs.ts';
import { Exit, exitCodes } from './exit.ts';
import { modeOf, type SettingsFlags, settingsOf } from './options.ts';

type Check = { readonly name: string; readonly ok: boolean; readonly message: string };

/** `portico check`: settings, policies, files, the database and Redis, without serving anything. Exit code 2: what is set is wrong; 3: what it needs is not there. */
export async function runCheck({ json = false, ...flags }: SettingsFlags & { readonly json?: boolean }): Promise<void> {
  const settings = settingsOf(modeOf(flags), flags); // throws with all that is wrong
  const checks: Check[] = [{ name: 'settings', ok: true, message: `read as \`portico ${settings.mode}\`` }];
  const check = async (name: string, look: () => string | Promise<string>) => {
    try {
      checks.push({ name, ok: true, message: await look() });
    } catch (error) {
      checks.push({ name, ok: false, message: error instanceof Error ? error.message : String(error) });
    }
  };
  await check('policies', () => `${ourMethods(settings).plans.size} methods`);
  await check('upstreams', () => {
    const configs = upstreamConfigs(settings, {});
    const unset = upstreamsOfScreens.filter((name) => configs[name] === undefined && !settings.sample);
    if (unset.length > 0) throw new Error(`${unset.join(', ')}: screens use them, and the settings do not name them.`);
    const count = Object.keys(configs).length;
    return settings.sample ? `${count} set, the others are those of the sample company` : `${count} set`;
  });
  await check('certificates', async () => {
    await openCertificates(settings, systemClock);
    return 'usable';
  });
  await check('keys', async () => `${await countKeys(settings)} that sign or verify`);
  await check('database', async () => {
    if (settings.embedded && !existsSync(join(settings.dataDir, 'pglite'))) return `will be made in ${settings.dataDir} at the start`;
    const misfit = await databaseMisfit(settings);
    if (misfit !== undefined && !settings.embedded) throw new Error(misfit);
    return misfit === undefined ? 'its schema fits' : 'will be migrated at the start';
  });
  await check('redis', () => redisFit(settings));
  const wrong = checks.filter(({ ok }) => !ok);
  if (json) process.stdout.write(`${JSON.stringify({ ok: wrong.length === 0, checks })}\n`);
  else
    for (const { name, ok, message } of checks)
      process.stdout.write(`${ok ? 'ok    ' : 'WRONG '} ${message.includes('\n') ? `${name}\n` : `${name.padEnd(12)} `}${message}\n`);
  if (wrong.length === 0) return;
  const dependency = wrong.every(({ name }) => name === 'database' || name === 'redis');
  throw new Exit(dependency ? exitCodes.dependency : exitCodes.config, `${wrong.length} of ${checks.length} checks failed.`);
}
