import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SettingsError } from '../settings/settings-error.ts';
import type { Settings } from '../settings.ts';
import { openCertificates } from '../wire/certificates.ts';
import { releaseMethods } from '../wire/methods.ts';
import { databaseMisfit } from '../wire/migrations.ts';
import { readPushKeys } from '../wire/push.ts';
import { app, sample } from '../wire/sample-company.ts';
import { redisFit } from '../wire/shared-stores.ts';
import { systemClock } from '../wire/system-clock.ts';
import { countKeys } from '../wire/tokens-for-commands.ts';
import { upstreamConfigs } from '../wire/upstreams.ts';
import { appSummary, reasonAndTextProblems, screenProblems, signInProblem, upstreamProblems } from './check-app.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

type Check = {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string /** Each is one row. */;
  readonly lines?: readonly string[];
};

/** Several errors, each reported in one line. */
class Problems extends Error {
  readonly lines: readonly string[];
  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/**
 * `portico check`: settings, policies, the app, files, the database and Redis, without serving. Exit code 2: invalid
 * configuration. Exit code 3: a dependency is unavailable.
 */
export async function runCheck({ json = false, ...flags }: SettingsFlags & { readonly json?: boolean }): Promise<void> {
  const settings = settingsWith(flags);
  const checks: Check[] = [{ name: 'settings', ok: true, message: `read as \`portico ${settings.mode}\`` }];
  const check = async (name: string, look: () => string | Promise<string>) => {
    try {
      checks.push({ name, ok: true, message: await look() });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      checks.push({ name, ok: false, message, ...(error instanceof Problems && { lines: error.lines }) });
    }
  };
  const refuse = (lines: readonly string[]) => {
    if (lines.length > 0) throw new Problems(lines);
  };
  let plans: ReturnType<typeof releaseMethods>['plans'] | undefined;
  await check('policies', () => {
    plans = releaseMethods(settings).plans;
    return `${plans.size} methods`;
  });
  await check('app', () => {
    refuse([...(plans === undefined ? [] : screenProblems(app, plans, settings.app.services)), ...reasonAndTextProblems(app)]);
    return appSummary(app);
  });
  await check('sign-in', () => {
    refuse([signInProblem(settings, plans ?? everyPlan() ?? new Map())].filter((problem) => problem !== undefined));
    return settings.mode === 'dev' ? 'by a name: this is dev' : 'by identity providers';
  });
  await check('upstreams', () => {
    const wrong: string[] = [];
    try {
      upstreamConfigs(settings, {});
    } catch (error) {
      wrong.push(...(error instanceof Error ? error.message : String(error)).split('\n'));
    }
    refuse([...wrong, ...upstreamProblems(app, settings, everyPlan(), sample?.names)]);
    const count = Object.keys(settings.upstreams).length;
    return settings.sample && sample !== undefined ? `${count} set, the others are those of the sample company` : `${count} set`;
  });
  await check('certificates', async () => {
    await openCertificates(settings, systemClock);
    return 'usable';
  });
  await check('keys', async () => `${await countKeys(settings)} that sign or verify`);
  await check('push', () => {
    const platforms = Object.keys(readPushKeys(settings.push)).map((name) => name.toUpperCase());
    const how = { off: 'nothing is pushed', log: 'to the log', platforms: `by ${platforms.join(' and ')}` };
    return how[settings.push.provider];
  });
  await check('database', async () => {
    if (settings.embedded && !existsSync(join(settings.dataDir, 'pglite'))) return `will be made in ${settings.dataDir} at the start`;
    const misfit = await databaseMisfit(settings);
    if (misfit !== undefined && !settings.embedded) throw new Error(misfit);
    return misfit === undefined ? 'its schema fits' : 'will be migrated at the start';
  });
  await check('redis', () => redisFit(settings));
  const wrong = checks.filter(({ ok }) => !ok);
  if (json)
    process.stdout.write(`${JSON.stringify({ ok: wrong.length === 0, checks: checks.map(({ name, ok, message }) => ({ name, ok, message })) })}\n`);
  else
    for (const { name, ok, message, lines = [message] } of checks)
      for (const line of lines)
        process.stdout.write(`${ok ? 'ok    ' : 'WRONG '} ${line.includes('\n') ? `${name}\n` : `${name.padEnd(12)} `}${line}\n`);
  if (wrong.length === 0) return;
  const dependency = wrong.every(({ name }) => name === 'database' || name === 'redis');
  throw new Exit(dependency ? exitCodes.dependency : exitCodes.config, `${wrong.length} of ${checks.length} checks failed.`);
}

/** @throws SettingsError with all errors; Exit with both if the app has errors, too */
function settingsWith(flags: SettingsFlags): Settings {
  try {
    return settingsOf(modeOf(flags), flags);
  } catch (error) {
    const others = error instanceof SettingsError ? problemsBesideSettings() : [];
    if (others.length === 0) throw error;
    throw new Exit(
      exitCodes.config,
      [error instanceof Error ? error.message : error, 'And beside the settings:', ...others.map((line) => `  ${line}`)].join('\n'),
    );
  }
}

/**
 * The plans of all services, served or not, with upstreams that are set or not. Undefined if policies contradict
 * themselves.
 */
function everyPlan(): ReturnType<typeof releaseMethods>['plans'] | undefined {
  try {
    return releaseMethods(undefined).plans;
  } catch {
    return undefined; // the row of the policies has the reason
  }
}

function problemsBesideSettings(): readonly string[] {
  try {
    return [...screenProblems(app, releaseMethods(undefined).plans, undefined), ...reasonAndTextProblems(app)];
  } catch (error) {
    return [...(error instanceof Error ? error.message : String(error)).split('\n'), ...reasonAndTextProblems(app)];
  }
}
