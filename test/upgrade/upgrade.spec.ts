// An upgrade and a rollback over two releases with a migration between them, under load: the schema first, then replica
// by replica, and back without a migration, as docs/operating/upgrade.md says.
// `npm run test:upgrade`; UPGRADE_CLIENTS=20 UPGRADE_SPREAD=3 for a short run.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { olderRelease, withLiveAndChat } from '../clients/older-release.ts';
import { root } from '../clients/script.ts';
import { report, underLoad } from './under-load.ts';

test('no call fails and nothing is lost while a release is installed and taken back', async (t) => {
  const older = await olderRelease(process.env.RELEASES_FROM ?? withLiveAndChat);
  const upgradeAndRollBack = underLoad(async (cluster, load) => {
    const migrated = await cluster.migrate();
    t.diagnostic(migrated.trim());
    assert.match(migrated, /^applied \S+/, 'there is a migration between the releases');
    for (const main of [join(root, 'src/main.ts'), older.main])
      for (const replica of cluster.replicas) {
        await replica.stop();
        await replica.start(main);
      }
    await report(t, load);
  }, older.main);
  await upgradeAndRollBack.finally(older.remove);
});
