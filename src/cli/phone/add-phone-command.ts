import type { Command } from 'commander';
import { withSettings } from '../settings-flags.ts';

/** Adds `portico phone`: the one command that knows the sample app. Its code is loaded when it runs. */
export function addPhone(command: (name: string, description: string) => Command): void {
  withSettings(command('phone', 'run the sample app in this terminal, against a server that runs as `portico dev`'))
    .option('-u, --user <name>', 'the user to sign in', 'alice')
    .option('-a, --address <host:port>', "the server; default: the settings' public listener")
    .option('--app-version <version>', 'the version of the app that it reports, with the platform "desktop"; default: that of Portico')
    .option('--ca <file>', "certificates to trust, PEM; default: dev's in the data directory if they exist, or the system's")
    .action(async (flags) => (await import('./run-phone.ts')).runPhone(flags));
}
