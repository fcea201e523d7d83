// pgbench with the very statements of one send, as Portico was seen to make them: only the ids differ.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { postgresProgram } from '../../support/postgres/postgres-server.ts';
import type { Statement } from '../../support/postgres/statements-link.ts';
import { cpuSecondsOf } from '../process.ts';
import { conversations, idOf, numberOf, userOf, users } from './conversations.ts';

export type Sent = { readonly conversationId: string; readonly userId: string; readonly clientId: string; readonly eventId: string };
export type Pgbench = {
  /** Sends with 64 clients until it is stopped. */
  start(): { cpuSeconds(): number; stop(): Promise<void> };
};

export type PgbenchParts = {
  readonly core: number;
  readonly databaseUrl: string;
  /** Where the script is written. */
  readonly file: string;
  readonly isHot: boolean;
  /** The statements of one send, and the ids in it. */
  readonly statements: readonly Statement[];
  readonly sent: Sent;
};

/** Variables are put into the text by pgbench, in quotes, too: the database has nothing to compute. */
export function openPgbench({ core, databaseUrl, file, isHot, statements, sent }: PgbenchParts): Pgbench {
  const first = numberOf('pgbench', isHot ? 0 : 1);
  const last = numberOf('pgbench', isHot ? 0 : conversations);
  const twelve = 'random(100000000000, 999999999999)';
  const ids: readonly (readonly [string, string])[] = [
    [sent.conversationId, `${idOf(0).slice(0, -1)}:c`],
    [sent.userId, `${userOf('pgbench', 0).slice(0, -1)}:u`],
    [sent.clientId, '00000000-0000-4000-8000-:n'],
    [sent.eventId, '00000000-0000-4000-8000-:m'],
  ];
  const textOf = ({ text, parameters }: Statement) => {
    const values = parameters.map((value) => {
      if (value === null) return 'NULL';
      return `'${ids.reduce((now, [id, variable]) => now.replaceAll(id, variable), value.replaceAll("'", "''"))}'`;
    });
    return `${text.replace(/\$(\d+)/g, (_, n) => values[Number(n) - 1] ?? '').replaceAll(/\s*\n\s*/g, ' ')};`;
  };
  const user = isHot ? `random(0, ${users - 1})` : `:c % ${users}`;
  writeFileSync(
    file,
    [`\\set c random(${first}, ${last})`, `\\set u ${user}`, `\\set n ${twelve}`, `\\set m ${twelve}`, ...statements.map(textOf)].join('\n'),
  );
  return {
    start: () => {
      const args = ['-c', String(core), postgresProgram('pgbench'), '-n', '-c', String(users), '-T', '600', '-M', 'simple', '-f', file, databaseUrl];
      const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += chunk;
      });
      const ended = once(child, 'close');
      return {
        cpuSeconds: () => {
          if (child.exitCode !== null) throw new Error(`pgbench ended:\n${said}`);
          return cpuSecondsOf(child.pid ?? 0);
        },
        stop: async () => {
          child.kill('SIGTERM');
          await ended;
        },
      };
    },
  };
}
