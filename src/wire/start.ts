import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { app } from '../app/index.ts';
import { readRelease } from '../release/release.ts';
import { type Company, openCompany } from '../sample/company.ts';
import type { Settings } from '../settings.ts';
import { type Portico, wire } from '../wire.ts';
import { systemClock } from './system-clock.ts';

const dayMs = 86_400_000;

/** Starts the server with the app, and in dev the sample company. */
export async function start(options: {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pretty: boolean;
}): Promise<Portico> {
  const common = { ...options, app, release: readRelease(), clock: systemClock };
  if (!options.settings.sample) return wire(common);
  let portico: Portico | undefined;
  const company = await openCompany({
    clock: systemClock,
    keys: keysBy(() => portico?.jwks() ?? { keys: [] }),
    issuer: options.settings.auth.issuer,
  });
  try {
    portico = await wire({ ...common, samples: company.addresses });
  } catch (error) {
    company.close();
    throw error;
  }
  await introduce(company, portico);
  return withCompany(portico, company);
}

/** Lets the company report every change to the server. */
async function introduce(company: Company, { ports, caFile, serviceToken }: Portico): Promise<void> {
  if (caFile === undefined) return; // the authority of a configured certificate is unknown here: changed answers expire by their ttl
  company.publishTo({ address: `localhost:${ports.internal}`, caFile, token: await serviceToken('sample', 30 * dayMs) });
}

function withCompany(portico: Portico, company: Company): Portico {
  return {
    ...portico,
    close: async () => {
      company.close();
      await portico.close();
    },
  };
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
