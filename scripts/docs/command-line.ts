import type { Command } from 'commander';
import { commands } from '../../src/cli/cli.ts';
import { cell, generatedBy } from './markdown.ts';

const intro = `# Command line

${generatedBy}

In a clone: \`npm run -s portico -- COMMAND\`, such as \`npm run -s portico -- plan\`; \`npm start\` is \`portico dev\`. In the image: \`portico COMMAND\`.
What is asked for goes to stdout, everything else to stderr; a message says what is wrong and what to do about it, without a stack.

| exit code | what it means |
|---|---|
| 0 | done; for \`dev\` and \`serve\`: stopped by a signal, with the calls in flight finished or cut at the end of the grace time |
| 1 | failed: \`health\` found a server that is not ready, or the fault is ours |
| 2 | what was set is wrong: settings, policies, files |
| 3 | something that is needed is not there or does not fit: the database, Redis, a port, a server that answers |
| 64 | the command line was not understood |

Settings are read by every command as \`portico serve\` would read them, with \`--dev\` as \`portico dev\` would; [configuration.md](configuration.md) lists them. A command asks only for what it uses:
\`migrate\` for the database, \`token\` for the signing keys, \`health\`, \`config\` and \`plan\` for nothing.
`;

/** What a first-time reader wants to know of a command, beyond what --help says. */
const notes: Readonly<Record<string, string>> = {
  dev: 'Signs anyone in, so it refuses to run with NODE_ENV=production. Everything it keeps is in the data directory (`./.portico`), which one process has at a time: never share it between containers, as its lock knows processes by their ids, and each container counts its own. The banner ends with a command that works when pasted.',
  serve:
    'Listens at once and is ready (`/readyz` on the admin listener) when the database is there and its schema fits; until then `/readyz` says what it waits for. SIGTERM: not ready any more, calls in flight finish for `drain.grace`, exit code 0. A second signal ends it at once.',
  check:
    'For CI and for a look before a rollout. Exit code 2: what is set is wrong; 3: the database is not there or its schema does not fit, or Redis is not there, does not fit, or does not let its user do what a server does.',
  plan: 'What was not said in the .proto but is the default carries a `*`. [policy.md](policy.md) explains the columns.',
  migrate:
    'Each migration runs in a transaction of its own, all under an advisory lock: any number may run at once, and each migration is applied once. A file that was changed after it was applied, and a database of a newer release, are refused; a server serves the latter, so that two releases can run side by side while one replaces the other. The embedded database is migrated at the start.',
  token: 'Signed by the newest of `auth.keysDir`, for the internal listener: `authorization: Bearer …`.',
  health: 'For a container without curl. Exit code 0: ready; 1: it answers, and is not ready; 3: nothing answers.',
  config: 'Secrets are shown as `[secret]`.',
};

/** docs/reference/command-line.md, from the commands themselves. */
export function commandLinePage(): string {
  return intro + commands().commands.map(section).join('');
}

function section(command: Command): string {
  const usage = [
    'portico',
    command.name(),
    ...command.registeredArguments.map((argument) => `<${argument.name()}>`),
    ...(command.options.length > 0 ? ['[options]'] : []),
  ];
  const named = [
    ...command.registeredArguments.map((argument) => ({ name: `<${argument.name()}>`, text: argument.description, usual: undefined })),
    ...command.options.map((option) => ({
      name: option.flags,
      text: option.description,
      usual: option.defaultValueDescription ?? option.defaultValue,
    })),
  ];
  const rows = named.map(({ name, text, usual }) => `| \`${name}\` | ${cell(text)} | ${usual === undefined ? '' : cell(String(usual))} |\n`);
  return `
## portico ${command.name()}

\`${usage.join(' ')}\`: ${command.description()}.

${notes[command.name()] ?? ''}

| option | what it does | default |
|---|---|---|
${rows.join('')}`;
}
