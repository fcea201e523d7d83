// Devices that sign in, refresh their tokens, and at last sign out: each call on a connection of its own.

import type { StubIssuer } from '../../../support/token/issuer.ts';
import { ask, clientHeaders } from '../../client.ts';
import { type LoadParts, pick } from './parts.ts';
import { steadily } from './steadily.ts';

const perSecond = 6;
const devicesMost = 200;

type Device = { accessToken: string; refreshToken: string };

export const audience = 'soak';

export async function signInSteadily({ issuer, ...parts }: LoadParts & { readonly issuer: StubIssuer }): Promise<void> {
  const { port, ca, counts, scale } = parts;
  const call = async <T>(method: string, message: unknown, token?: string): Promise<T> => {
    const headers = { ...clientHeaders, 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const answer = await ask(port, ca, { path: `/portico.v1.SessionService/${method}`, headers, body: Buffer.from(JSON.stringify(message)) });
    if (answer.headers[':status'] !== 200) throw new Error(`${method} was answered ${answer.headers[':status']}: ${answer.body}`);
    counts.done(method);
    return JSON.parse(String(answer.body)) as T;
  };
  const devices: Device[] = [];
  let users = 0;
  await steadily('sessions', perSecond * scale, parts, async () => {
    const chance = Math.random();
    if (devices.length < 2 || chance < 0.3) {
      const nowS = Math.floor(Date.now() / 1_000);
      const token = issuer.sign({ iss: issuer.issuer, sub: `soak-${users++ % 5_000}`, aud: audience, iat: nowS, exp: nowS + 300 });
      devices.push(await call<Device>('SignIn', { idToken: { token }, device: { platform: 'ios', name: 'soak' } }));
      return;
    }
    if (chance < 0.75) {
      const at = Math.floor(Math.random() * devices.length);
      const [device] = devices.splice(at, 1) as [Device]; // one refresh of a device at a time
      devices.push(await call<Device>('Refresh', { refreshToken: device.refreshToken }));
      return;
    }
    const device = pick(devices);
    devices.splice(devices.indexOf(device), 1);
    await call('SignOut', {}, device.accessToken);
    while (devices.length > devicesMost) devices.shift();
  });
}
