// Each safeguard of live updates, taken out of a copy of the code: the histories of history.ts find that it is missing.
// With LIVE_SAFEGUARDS=whole so do redis-faults.spec.ts, with whole servers and a real Redis, and the run of
// rough-network.spec.ts, in its size.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Change, changedClone, runChanged } from '../support/server/changed-clone.ts';
import { runRough } from './crowd/rough-run.ts';
import { roughMostMs, roughSize } from './crowd/rough-size.ts';

const seeds = 120;
const feed = 'src/core/services/live/topic-feed.ts';

type Safeguard = {
  readonly histories: Change;
  /** Undefined: it takes the loss of certain announcements, which no fault of a real Redis brings about by itself. */
  readonly servers?: Change;
};

const gapCheck: Change = [
  'src/core/ports/topic-log.ts',
  "event.offset === last.offset + 1) return previousId === undefined || previousId === last.id ? 'next' : 'read'",
  "event.offset > last.offset) return 'next'",
];
const positionCheck: Change = [feed, 'clock.after(lookMs, () => void repair())', '() => {}'];

const safeguards: Readonly<Record<string, Safeguard>> = {
  'the gap check: an offset that is not the next one, and so another event before it': { histories: gapCheck, servers: gapCheck },
  'the position check: a burst whose end was announced to nobody': { histories: positionCheck, servers: positionCheck },
  'the id of the event before: a lost end whose offsets others took, announced to nobody': {
    histories: ['src/core/ports/topic-log.ts', "previousId === undefined || previousId === last.id ? 'next' : 'read'", "'next'"],
  },
  'the id check: another event at the same offset': {
    histories: ['src/core/adapters/memory/log-of-one-topic.ts', "if (id !== after.id) return 'other-event';", ''],
    servers: ['src/core/adapters/redis/topic-scripts.ts', "if id ~= ARGV[3] then return lost('other-event') end", ''],
  },
};

const historiesIn = (folder: string) => [
  '--input-type=module',
  '-e',
  `import { runHistory } from '${join(folder, 'test/live/history.ts')}';
   let found = [];
   for (let seed = 1; seed <= ${seeds} && found.length === 0; seed++) found = await runHistory({ seed, clients: 20, events: 500 });
   console.log(found.join());`,
];

for (const [what, { histories, servers }] of Object.entries(safeguards)) {
  test(`${what}: without it something is missed silently`, async () => {
    assert.match(await runChanged([histories], historiesIn), /after \d+ came \d+|it ended with \d+ instead of \d+/);
  });
  if (servers === undefined || process.env.LIVE_SAFEGUARDS !== 'whole') continue;
  test(`${what}: without it clients of whole servers miss something silently`, async (context) => {
    const said = await runChanged([servers], () => ['--test', '--test-name-pattern=one Redis', 'test/live/redis-faults.spec.ts']);
    const found = /client \d+ of [AB]: (?:after offset|chaos:\d+: after|chaos:\d+ ended)[^']*/.exec(said);
    context.diagnostic(found?.[0] ?? said.slice(-2_000));
    assert.ok(found);
  });
  test(`${what}: without it some of ${roughSize.clients} clients on a rough network miss something silently`, {
    timeout: roughMostMs,
  }, async (context) => {
    context.diagnostic(`LIVE_SEED=${roughSize.seed}`);
    using clone = changedClone([servers]);
    const { problems, counts } = await runRough({ ...roughSize, silentEnd: true, redisLoses: true, checkout: clone.folder });
    context.diagnostic(`${problems.length} found, such as: ${problems[0]}`);
    context.diagnostic(JSON.stringify(counts));
    assert.match(problems.join('\n'), /: after (?:offset )?\d+|: chaos:\d+ ended/);
  });
}
