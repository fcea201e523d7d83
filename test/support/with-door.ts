// A door with the fixture's app and the player behind it: what most files of test/e2e begin with.
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openPlayer, type Player } from '../fixture/player.ts';
import { type Door, type DoorOptions, openDoor } from './door.ts';

export type DoorWithFixture = Door & { readonly fixture: Fixture; readonly player: Player };

export async function openFixtureDoor(options: Omit<DoorOptions, 'app'> = {}): Promise<DoorWithFixture> {
  const player = await openPlayer();
  const fixture = openFixture();
  const door = await openDoor({ ...options, app: fixture.app, samples: { player: player.address } }).catch((error: unknown) => {
    player.close();
    throw error;
  });
  const close = async () => {
    await door.close();
    player.close();
  };
  return { ...door, fixture, player, close, [Symbol.asyncDispose]: close };
}
