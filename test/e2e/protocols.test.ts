import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openPlayer, type Player } from '../fixture/player.ts';
import { type Door, fixtureRelease, openDoor } from '../support/door.ts';
import { callOf, protocols, registryOf, signIn, transportOf } from '../support/protocols.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let door: Door;
let player: Player;
let fixture: Fixture;
before(async () => {
  player = await openPlayer();
  fixture = openFixture();
  door = await openDoor({ app: fixture.app, samples: { player: player.address } });
});
after(async () => {
  await door?.close();
  player?.close();
});

for (const protocol of protocols) {
  test(`${protocol}: a signed-in user gets a screen`, async () => {
    const { headers } = await signIn(door, registry, 'alice');
    const outcome = await callOf(registry, transportOf(protocol, door), 'fixture.v1.ScreenService/GetItem', { itemId: '7' }, { headers });
    assert.equal(outcome.code, 0, outcome.message);
    assert.equal(outcome.messages[0]?.owner, 'alice');
    assert.ok(outcome.headers.get('etag'));
  });
  test(`${protocol}: a call without a token is told so`, async () => {
    const outcome = await callOf(registry, transportOf(protocol, door), 'fixture.v1.ScreenService/WhoAmI', {});
    assert.deepEqual([outcome.code, outcome.reason], [16, 'TOKEN_MISSING']);
  });
}
