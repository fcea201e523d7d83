import type { Command } from 'commander';
import { commands } from '../../src/cli/cli.ts';
import { cell, generatedBy } from './markdown.ts';

const intro = `# Command line

${generatedBy}

In a clone run \`npm run -s portico -- COMMAND\`, such as \`npm run -s portico -- plan\`. \`npm start\` is \`portico dev\`. In
the image run \`portico COMMAND\`. The result of a command goes to stdout, everything else to stderr. An error message
states the cause and the remedy, without a stack.

| exit code | meaning |
|---|---|
| 0 | done; for \`dev\` and \`serve\`: stopped by a signal, with the calls in flight finished or cut at the end of the grace time |
| 1 | failed: \`health\` found a server that is not ready, or a defect of Portico |
| 2 | invalid configuration: settings, policies, files |
| 3 | a dependency is unavailable or does not fit: the database, Redis, a port, a server that answers |
| 64 | wrong usage of the command line |

Every command reads the settings as \`portico serve\` does, or with \`--dev\` as \`portico dev\` does.
[configuration.md](configuration.md) lists them. A command requires only the settings that it uses: \`migrate\` the
database, \`token\` the signing keys, and \`health\`, \`config\` and \`plan\` none.
`;

/** Facts about a command for a first-time reader, beyond the text of --help. */
const notes: Readonly<Record<string, string>> = {
  dev: `Signs in anyone, so it refuses to run with NODE_ENV=production. It keeps all its files in the data directory
(\`./.portico\`), which only one process may use at a time. Never share the directory between containers: its lock
identifies processes by their ids, and each container has ids of its own. The banner ends with a command that works when
pasted.`,
  serve: `Listens at once. It is ready (\`/readyz\` on the admin listener) when the database is available and its schema fits;
until then \`/readyz\` states what it waits for. After SIGTERM it is no longer ready, clients of streams are moved
over \`drain.spread\`, calls in flight finish for \`drain.grace\`, and the exit code is 0. A second signal ends it at
once.`,
  check: `For CI, and before a rollout. Exit code 2: invalid configuration. Exit code 3: the database is unavailable or its schema
does not fit, or Redis is unavailable, does not fit, or denies its user a command that a server needs.

It refuses, with exit code 2:

- settings and policies that do not fit, and generated code that does not match the \`.proto\` files
- addresses of listeners, upstreams, Redis nodes and key sets that have no valid form
- upstreams that screens use and the settings do not name, and upstreams that nothing uses
- methods without a screen, and screens of unknown methods
- reasons that \`src/app/reasons.ts\` does not list, and texts that a locale lacks
- methods for users without an identity provider (\`auth.idTokenIssuers\`, \`auth.externalIssuers\`), except with \`--dev\``,
  doctor: `Run it where the server runs, with its settings: \`kubectl exec\`, or a debug container. \`check\` verifies the release;
\`doctor\` looks at the machine and the network. For each place it prints what is wrong and what to type. Exit code 3:
something is wrong; warnings do not count.`,
  plan: 'A value that is the default and not stated in the .proto has a `*`. [policy.md](policy.md) explains the columns.',
  migrate: `Each migration runs in its own transaction, all under an advisory lock: any number of commands may run at once, and each
migration is applied once. The command refuses a file that was changed after it was applied, and the database of a newer
release. A server accepts the latter, so that two releases can run side by side during an upgrade. The embedded database
is migrated at start.`,
  export: `[Export and erase](../operating/privacy.md) lists the kinds. It reads the database and Redis of the settings, beside
running servers.`,
  erase: `Runs until both passes are done, some minutes, and prints what was erased as JSON. Stopped before, the same
\`--request-id\` goes on, and so does any running server. [Export and erase](../operating/privacy.md) says what is erased,
and what to do before.`,
  token: 'Signed by the newest key of `auth.keysDir`, for the internal listener: `authorization: Bearer …`.',
  health: 'For a container without curl. Exit code 0: ready; 1: it answers, and is not ready; 3: nothing answers.',
  capacity: `[capacity.md](../operating/capacity.md) has the costs and the model. Everything that is assumed is printed, and is an
option. It reads no settings. Exit code 64: a number that is not allowed, or numbers that do not fit together.`,
  config: 'Secrets are printed as `[secret]`.',
  phone: `The sample app on the client of \`src/client\`, beside \`npm start\`: the home screen, the couriers and all events,
live. \`o\` takes it offline and back, \`r\` tries at once instead of waiting, \`c\` shows the chats, and \`q\` quits. In a
conversation \`/search WORDS\`, \`/block USER\`, \`/unblock USER\` and \`/report WHY\` do what they say. A line at the top
shows the newest push, such as that of a message that came while it was offline. It reads the settings as \`portico dev\`
does, and needs a terminal. Exit code 1: the sign-in was refused. Exit code 3: the server does not answer.`,
};

/** docs/reference/command-line.md, generated from the commands. */
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

| option | meaning | default |
|---|---|---|
${rows.join('')}`;
}
