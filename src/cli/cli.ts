import { Command, CommanderError } from 'commander';
import { Fault } from '../core/kit/fault.ts';
import { StoreDown } from '../core/kit/store-down.ts';
import { PolicyErrors } from '../core/policy/policy-errors.ts';
import { releaseVersion } from '../release/release.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { DependencyError } from '../wire/dependency-error.ts';
import { addCapacity } from './capacity/add-capacity-command.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { addPhone } from './phone/add-phone-command.ts';
import { withMode, withSettings } from './settings-flags.ts';

/** Runs the command line. @returns the exit code: 0 ok, 1 failed, 2 settings or policies, 3 a dependency, 64 usage */
export async function cli(args: readonly string[]): Promise<number> {
  process.stdout.on('error', endWithReader);
  try {
    await commands().parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage; // commander has printed it
    const { code, message } = explain(error);
    process.stderr.write(`portico: ${message}\n`);
    if (wantsStacks(args) && error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
    return code;
  }
}

/** Ends a command whose reader has read enough, such as `portico check | head -1`, without a word. */
function endWithReader(error: Error & { readonly code?: unknown }): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.failed);
}

// A command's code is loaded when it runs, so that a probe that runs every few seconds does not load the server.
/** Every command with its options: for the command line, and for docs/reference/command-line.md. */
export function commands(): Command {
  const program = new Command('portico')
    .description('The server between mobile apps and internal gRPC services.')
    .version(releaseVersion())
    .showHelpAfterError('(portico --help lists what there is)')
    .exitOverride();
  const command = (name: string, description: string) => program.command(name).description(description).exitOverride();
  withSettings(command('dev', 'run with everything embedded, the sample company and dev identities, on loopback'))
    .option('--watch', 'restart when protos (generated first), screens or the settings file change')
    .action(async ({ watch = false, ...flags }) => {
      if (watch) await (await import('./restart-on-changes.ts')).runWatching(flags);
      else await (await import('./serve-and-dev.ts')).run('dev', flags);
    });
  withSettings(command('serve', 'run in production')).action(async (flags) => (await import('./serve-and-dev.ts')).run('serve', flags));
  withMode(command('check', 'verify settings, policies, files, the database and Redis, without serving'))
    .option('--json', 'print one JSON object')
    .action(async (flags) => (await import('./check.ts')).runCheck(flags));
  withMode(command('doctor', 'find what is wrong around a server: clock, certificates, DNS, engines, upstreams, limits'))
    .option('--json', 'print one JSON object')
    .action(async (flags) => (await import('./doctor.ts')).runDoctor(flags));
  command('plan', 'print every method with its enforced policy')
    .option('--json', 'print a JSON list')
    .action(async (flags) => (await import('./print-plan.ts')).printPlan(flags));
  withMode(command('migrate', 'migrate the schema of PostgreSQL to this release'))
    .option('--dry-run', 'only print what would be done')
    .action(async (flags) => (await import('./migrate.ts')).runMigrate(flags));
  withMode(command('export', 'print everything that is stored of a user, a JSON object on each line'))
    .requiredOption('--user <id>', "the user's id")
    .action(async (flags) => (await import('./export-and-erase.ts')).runExport(flags));
  withMode(command('erase', 'erase everything that is stored of a user'))
    .requiredOption('--user <id>', "the user's id")
    .option('--request-id <id>', 'of the erasure: random, 16 to 100 characters; the same id goes on with the same erasure')
    .action(async (flags) => (await import('./export-and-erase.ts')).runErase(flags));
  withMode(command('token', 'print a token for an internal service').argument('<name>', 'the name of the service, such as orders'))
    .option('--ttl <duration>', 'lifetime: 1m to 2160h', '24h')
    .action(async (name, flags) => (await import('./print-token.ts')).printToken(name, flags));
  withMode(command('health', 'check whether a running server is ready'))
    .option('--url <url>', "a URL to check instead of the admin listener's /readyz")
    .action(async (flags) => (await import('./health.ts')).checkHealth(flags));
  withMode(command('probe', 'verify a running server by a signed call, a live stream, and an event that it receives'))
    .option('--public <address>', 'the public listener', 'localhost:8443')
    .option('--internal <address>', 'the internal listener', 'localhost:8444')
    .option('--certificate <file>', 'the certificate of the public listener (PEM), whatever names it has; unset: plain HTTP/2')
    .option('--internal-certificate <file>', 'that of the internal listener; default: the same')
    .option('--namespace <name>', 'a namespace of live.namespaces with `listen: owner`', 'portico-probe')
    .option('--timeout <duration>', 'for all of it', '30s')
    .option('--proxy-header', 'begin each connection to the public listener as a proxy of public.trustedProxies does')
    .action(async (flags) => (await import('./probe.ts')).runProbe(flags));
  withMode(command('config', 'print every effective setting with its origin'))
    .option('--schema', 'print the JSON schema of the settings file')
    .action(async (flags) => (await import('./print-config.ts')).printConfig(flags));
  addCapacity(command);
  addPhone(command);
  return program;
}

/** A message states the error and its remedy. A stack is only for defects. */
function wantsStacks(args: readonly string[]): boolean {
  return process.env.PORTICO_TELEMETRY__LOG_LEVEL === 'debug' || args.includes('telemetry.logLevel=debug');
}

function explain(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof Exit) return error;
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError)
    return { code: exitCodes.failed, message: `a defect of ours: ${error.stack}` };
  const message = error instanceof Error ? error.message : String(error);
  const isDown = error instanceof StoreDown || (error instanceof Fault && /^STOR(?:E|AGE)_DOWN$/.test(error.reason));
  if (isDown || error instanceof DependencyError) return { code: exitCodes.dependency, message };
  if (error instanceof Fault) return { code: exitCodes.failed, message };
  if (error instanceof SettingsError) return { code: exitCodes.config, message };
  if (error instanceof PolicyErrors)
    return {
      code: exitCodes.config,
      message: `${error.count === 1 ? 'one policy contradicts itself' : `policies contradict themselves in ${error.count} places`}:\n${message}`,
    };
  const { code, address, port } = (error ?? {}) as { readonly code?: string; readonly address?: string; readonly port?: number };
  if (code === 'EADDRINUSE')
    return {
      code: exitCodes.dependency,
      message: `The port ${port} on ${address} is in use by another process: stop that, or set another port (PORTICO_PUBLIC__PORT, PORTICO_INTERNAL__PORT or PORTICO_ADMIN__PORT; 0 takes a free one).`,
    };
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return {
      code: exitCodes.config,
      message: `${message}: this machine cannot listen there. Set another host (public.host, internal.host or admin.host).`,
    };
  if (code === 'ENOTDIR' || code === 'EEXIST') return { code: exitCodes.config, message: `${message}: a file stands where a folder is needed.` };
  if (code === 'EROFS' || code === 'ENOSPC') return { code: exitCodes.dependency, message: `${message}: nothing can be written there.` };
  if (code === 'EACCES') return { code: exitCodes.dependency, message: `${message}: this user has no right to it.` };
  return { code: exitCodes.config, message };
}
