// The adapter of conversations on connections that say the plan of each statement they run, those inside of functions
// and of foreign keys included: what is checked is what was sent, with its arguments.
import { Kysely, PostgresDialect } from 'kysely';
import type { PoolClient } from 'pg';
import { sqlChat } from '../../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../../src/core/adapters/sql/database-access.ts';
import type { Database } from '../../../src/core/adapters/sql/database-tables.ts';
import { openPool } from '../../../src/core/adapters/sql/open-pool.ts';
import type { ChatStore } from '../../../src/core/ports/chat.ts';
import { quietLog } from '../../support/log.ts';

/** A node of EXPLAIN (ANALYZE, FORMAT JSON): PostgreSQL's own names. */
export type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Sort Key'?: readonly string[];
  readonly 'Sort Space Type'?: 'Memory' | 'Disk';
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
};
export type Planned = { readonly statement: string; readonly nodes: readonly PlanNode[] };

export type PlannedStore = {
  readonly chat: ChatStore;
  /** Runs work. @returns the plan of each statement that it ran, those of functions included */
  plansOf(work: (chat: ChatStore) => Promise<unknown>): Promise<readonly Planned[]>;
  close(): Promise<void>;
};

/** @see PostgreSQL, appendix F, auto_explain */
const explained = `
  LOAD 'auto_explain';
  SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off;
  SET auto_explain.log_nested_statements = on; SET auto_explain.log_format = json; SET auto_explain.log_level = notice`;

/** @param seqScans false: the planner reads a whole table only if no index helps, however small the table is */
export function openPlannedStore(url: string, { seqScans }: { readonly seqScans: boolean }): PlannedStore {
  let plans: Planned[] = [];
  const pool = openPool({ connectionString: url, max: 1 }, quietLog);
  pool.on('connect', (client: PoolClient) => {
    client.on('notice', ({ message = '' }) => {
      const json = /^duration: [\d.]+ ms {2}plan:\n([\s\S]*)$/.exec(message)?.[1];
      if (json === undefined) return;
      const { 'Query Text': statement, Plan: root } = JSON.parse(json) as { readonly 'Query Text': string; readonly Plan: PlanNode };
      plans.push({ statement, nodes: nodesOf(root) });
    });
    client.query(`${explained}; SET enable_seqscan = ${seqScans}`).catch(() => {}); // the next statement says that the module is not there
  });
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  const chat = sqlChat(openDatabaseAccess(db).use);
  return {
    chat,
    plansOf: async (work) => {
      plans = [];
      await work(chat);
      return plans;
    },
    close: () => db.destroy(),
  };
}

function nodesOf(node: PlanNode): readonly PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
