import { after, before } from 'node:test';
import { openFixture } from '../../fixture/app.ts';
import { openPlayer, type Player } from '../../fixture/player.ts';
import { type Door, fixtureRelease, openDoor } from '../../support/door.ts';
import { registryOf } from '../../support/protocols.ts';
import { coreRows } from './core-rows.ts';
import { fixtureRows } from './fixture-rows.ts';
import { holdTable } from './hold-table.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let door: Door;
let player: Player;
before(async () => {
  player = await openPlayer();
  const { app, titles } = openFixture();
  titles.set('1', 'the first');
  door = await openDoor({ app, samples: { player: player.address } });
});
after(async () => {
  await door?.close();
  player?.close();
});

holdTable('fixture', [...coreRows, ...fixtureRows], () => ({ door, registry }), { scopeless: ['other'] });
