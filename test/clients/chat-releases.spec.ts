// Two releases side by side for the chat, as in the middle of an upgrade: one replica of an older release and two of
// this tree share PostgreSQL and Redis, while clients send, come and go, and replicas are killed.
// `npm run test:releases`; RELEASES_MINUTES=10 for a long run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCheck } from '../chat/check/run-check.ts';
import { olderRelease, withLiveAndChat } from './older-release.ts';

const minutes = Number(process.env.RELEASES_MINUTES ?? 0.5);
const faults = ['replica killed', 'Redis restarted', 'PostgreSQL crashed', 'connections of clients cut', 'connections of clients black-holed'];

test('no message is lost, doubled, reordered or shown to others', async (context) => {
  const older = await olderRelease(process.env.RELEASES_FROM ?? withLiveAndChat);
  try {
    const options = { seed: 1, clients: 12, replicas: 3, seconds: minutes * 60, faults, olderRoot: older.folder };
    const { did, broken } = await runCheck(options);
    context.diagnostic(JSON.stringify(did));
    assert.deepEqual(broken, []);
  } finally {
    older.remove();
  }
});
