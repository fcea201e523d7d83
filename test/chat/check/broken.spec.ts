// Each guarantee of chat, broken on purpose in a copy of the code: the check finds it. `npm run test:chat`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, runChanged } from '../../support/server/changed-clone.ts';

type Broken = {
  readonly changes: readonly Change[];
  readonly found: RegExp;
  /** Those by which it shows; default: all. */
  readonly faults?: readonly string[];
};

const schema = 'migrations/core/0003_chat.sql';
/** The newest form of the function that appends. */
const append = 'migrations/core/0009_media.sql';
const delivery = 'src/core/services/chat/deliver-chat.ts';
const queries = 'src/core/adapters/sql/chat/read-conversations.ts';

const guarantees: Readonly<Record<string, Broken>> = {
  'commit before the answer': {
    changes: [
      [
        'src/core/adapters/sql/chat/append-events.ts',
        'const rows = await use((db) => call(db, parts, pushAfterMs));',
        `const rows = await new Promise<readonly AppendedRow[]>((resolve, reject) => {
          use((db) => db.transaction().execute(async (tx) => {
            resolve(await call(tx, parts, pushAfterMs));
            await new Promise((again) => setTimeout(again, 200));
          })).catch(reject);
        });`,
      ],
    ],
    found: /BROKEN .*(?:lost: |was reset in|was sent a gap).*/, // it was seen before it was there, or never was
    faults: ['replica killed', 'PostgreSQL crashed'],
  },
  'one message for each client id': {
    changes: [
      [append, 'IF FOUND THEN\n      seq := known.seq;', 'IF FOUND AND false THEN\n      seq := known.seq;'],
      [append, "e.client_id, decode(e.hash, 'hex'), seq);", "e.client_id, decode(e.hash, 'hex'), seq) ON CONFLICT DO NOTHING;"],
    ],
    found: /BROKEN doubled: .*/,
  },
  'one order for all': {
    changes: [
      [append, 'FROM chat_conversations WHERE id = conversation FOR UPDATE', 'FROM chat_conversations WHERE id = conversation'],
      [schema, 'CREATE UNIQUE INDEX chat_events_other_once', 'CREATE INDEX chat_events_other_once'],
      [schema, "'CREATE UNIQUE INDEX %I ON %I (conversation_id, seq)'", "'CREATE INDEX %I ON %I (conversation_id, seq)'"],
    ],
    found: /BROKEN a hole: .*/,
  },
  'gaps are filled from the store': {
    changes: [[delivery, 'first !== joined.sentSeq + 1', 'first <= joined.sentSeq']],
    faults: ['Redis restarted', 'Redis hung', 'connections of Redis cut'],
    found: /BROKEN .*(?:was sent a gap|misses).*/,
  },
  'only members receive': {
    changes: [
      [delivery, 'if (left.includes(userId) && first > afterSeq) {', 'if (false) {'],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
      [queries, 'AND m.left_seq IS NULL ${named}`', '${named}`'],
    ],
    found: /BROKEN .*, no member, got .*/,
  },
};

const seedsMax = 6;
const args = ['--clients', '8', '--replicas', '2', '--seconds', '10', '--quiet'];

for (const [what, { changes, found, faults = [] }] of Object.entries(guarantees))
  test(`${what}: the check finds that it is broken`, async (context) => {
    const said: string[] = [];
    for (let seed = 1; seed <= seedsMax && !found.test(said.at(-1) ?? ''); seed++)
      said.push(
        await runChanged(changes, () => [
          'test/chat/check/main.ts',
          '--seed',
          String(seed),
          ...args,
          ...faults.flatMap((fault) => ['--fault', fault]),
        ]),
      );
    context.diagnostic(`seed ${said.length}: ${found.exec(said.at(-1) ?? '')?.[0]}`);
    assert.match(said.at(-1) ?? '', found);
  });
