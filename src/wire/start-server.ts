import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { readRelease } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import { wire } from '../wire.ts';
import { introduce } from './introduce-sample.ts';
import type { Portico } from './portico.ts';
import { app, sample } from './sample-company.ts';
import { systemClock } from './system-clock.ts';

/** Starts the server with the app, and in dev the app's sample services. */
export async function start(options: {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pretty: boolean;
  readonly ticketKeys?: Buffer | undefined;
}): Promise<Portico> {
  const common = { ...options, app, release: readRelease(), clock: systemClock };
  if (!options.settings.sample || sample === undefined) return wire(common);
  let portico: Portico | undefined;
  const opened = await sample.open({
    clock: systemClock,
    keys: keysBy(() => portico?.jwks() ?? { keys: [] }),
    issuer: options.settings.auth.issuer,
  });
  try {
    const { live, chat } = options.settings;
    const namespaces = { ...sample.namespaces, ...live.namespaces };
    const chatOfSample = {
      ...chat,
      hook: chat.hook ?? sample.chat?.hook,
      reports: chat.reports ?? sample.chat?.reports,
      subjects: { ...sample.chat?.subjects, ...chat.subjects },
    };
    const settings = { ...options.settings, live: { ...live, namespaces }, chat: chatOfSample } as Settings;
    portico = await wire({ ...common, settings, samples: opened.addresses });
  } catch (error) {
    opened.close();
    throw error;
  }
  return introduce(opened, portico);
}

/** Verifies with the current keys. */
function keysBy(jwks: () => { readonly keys: readonly object[] }): JWTVerifyGetKey {
  let text = '';
  let find: JWTVerifyGetKey = () => Promise.reject(new Error('The server has no keys yet.'));
  return (header, token) => {
    const now = jwks();
    const nowText = JSON.stringify(now);
    if (nowText !== text) find = createLocalJWKSet(now as JSONWebKeySet);
    text = nowText;
    return find(header, token);
  };
}
