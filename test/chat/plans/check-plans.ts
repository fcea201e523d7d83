// The plans of all statements that conversations need, held against the rules and the table of docs/reference/chat.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Client } from 'pg';
import { membersMax } from '../../../src/core/ports/chat-limits.ts';
import { createMigratedDatabase } from '../../support/postgres/postgres.ts';
import { plannedCalls } from './calls.ts';
import { fillChat } from './fill.ts';
import { openPlannedStore, type PlanNode, type Planned } from './planned-store.ts';

/** A row of the table: the indexes that its statements may use, and the rows that they read at most. */
type Row = { readonly indexes: ReadonlySet<string>; readonly rowsMax: number };

export type Checked = { readonly broken: readonly string[]; readonly table: readonly string[] };

const page = resolve(import.meta.dirname, '../../../docs/reference/chat.md');

/** @returns what was broken, a line for each, and the table as it would be */
export async function checkPlans(size: Parameters<typeof fillChat>[1], options: { readonly seqScans: boolean }): Promise<Checked> {
  const database = await createMigratedDatabase();
  const filled = await fillChat(database.url, size);
  assert.ok(filled.messages >= size.messages);
  const parents = await parentIndexes(database.url);
  const store = openPlannedStore(database.url, options);
  try {
    const rows = rowsOf(readFileSync(page, 'utf8'));
    const now = await store.chat.syncPoint(filled.busyUser);
    assert.ok(now !== undefined, 'the database says which history it has');
    const broken: string[] = [];
    const table: string[] = [];
    const calls = plannedCalls(filled, size.conversations, { ...now, xid: 250n, newest: undefined });
    assert.deepEqual(
      [...rows.keys()],
      calls.map(({ name }) => name),
      'the table has a row for each call, in order',
    );
    for (const { name, run } of calls) {
      const { indexes: allowed, rowsMax } = rows.get(name) ?? { indexes: new Set(), rowsMax: 0 };
      const plans = await store.plansOf(run);
      assert.ok(plans.length > 0, `${name}: no plan was said`);
      const used = new Set(plans.flatMap(({ nodes }) => nodes.flatMap(indexesOf)).map(parents));
      const read = Math.max(...plans.map(({ nodes }) => nodes.reduce((sum, node) => sum + rowsRead(node), 0)));
      table.push(
        `| ${name} | ${[...used]
          .sort()
          .map((index) => `\`${index}\``)
          .join(', ')} | ${read} |`,
      );
      for (const plan of plans) broken.push(...faultsOf(plan).map((fault) => `${name}: ${fault}`));
      for (const index of used) if (!allowed.has(index)) broken.push(`${name}: uses ${index}, which the page does not say`);
      if (read > rowsMax) broken.push(`${name}: a statement reads ${read} rows, the page says ${rowsMax} at most`);
    }
    return { broken, table };
  } finally {
    await store.close();
    await database.drop();
  }
}

/** A scan of a partition that has no row yet reads nothing. `chat_database` has one row for ever. */
function faultsOf({ statement, nodes }: Planned): readonly string[] {
  const faults = nodes.flatMap((node) => {
    const { 'Node Type': type, 'Relation Name': table, 'Sort Key': key, 'Sort Space Type': space, Plans: [input] = [] } = node;
    if (type === 'Seq Scan' && table !== 'chat_database' && rowsRead(node) > 0) return [`reads all of ${table}`];
    if (!type.endsWith('Sort') || input === undefined) return [];
    if (space === 'Disk' || input['Actual Rows'] > membersMax) return [`sorts ${input['Actual Rows']} rows by ${key}`];
    return [];
  });
  return faults.map((fault) => `${fault}: ${statement.replace(/\s+/g, ' ').slice(0, 200)}`);
}

/** Of an empty partition any index is as good. */
function indexesOf(node: PlanNode): readonly string[] {
  const { 'Index Name': index, 'Relation Name': table = '' } = node;
  return index === undefined || (table.startsWith('chat_events_') && rowsRead(node) === 0) ? [] : [index];
}

/** Of a table, or by an index: those that a filter discards are read, too. */
function rowsRead(node: PlanNode): number {
  if (node['Relation Name'] === undefined || !node['Node Type'].endsWith('Scan')) return 0;
  const discarded = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return Math.round((node['Actual Rows'] + discarded) * node['Actual Loops']);
}

/** @returns the name of an index as the schema declares it, for all partitions alike */
async function parentIndexes(url: string): Promise<(index: string) => string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ index: string; parent: string }>(
    'SELECT inhrelid::regclass::text AS index, inhparent::regclass::text AS parent FROM pg_inherits',
  );
  await client.end();
  const parents = new Map(rows.map(({ index, parent }) => [index, parent]));
  return (index) => parents.get(index) ?? index.replace(/^chat_events_.*_once$/, 'chat_events_*_once');
}

function rowsOf(text: string): ReadonlyMap<string, Row> {
  const [, section = ''] = text.split('\n## Plans\n');
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
  return new Map(
    lines.map((line) => {
      const [name = '', indexes = '', rows = ''] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [
        name,
        { indexes: new Set([...indexes.matchAll(/`([^`]+)`/g)].map(([, index = '']) => index)), rowsMax: Number(rows.replaceAll(',', '')) },
      ];
    }),
  );
}
