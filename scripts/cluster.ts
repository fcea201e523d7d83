// Two replicas as one on a developer's machine, without Docker: `npm run cluster`. Ctrl-C ends all of it.
import { parseArgs } from 'node:util';
import { openClosers } from './cluster/closers.ts';
import { openCluster } from './cluster/open-cluster.ts';

const usage = `Usage: npm run cluster -- [options]

  --port N           the balancer's port, where clients call; default: 8443; 0 takes a free one
  --identity-port N  the identity provider's port; default: a free one
  --host ADDRESS     where both listen; default: 127.0.0.1
  --replicas N       how many; default: 2
  --log LEVEL        what the replicas say: debug, info, warn, error; default: warn
  --folder FOLDER    keeps certificates and keys; default: a temporary one

DATABASE_URL and REDIS_URL name a PostgreSQL and a Redis that are there already; unset, own ones are started, and installed where they are missing and that is allowed.`;

const closers = openClosers();

async function start({ count, ...options }: ReturnType<typeof optionsOf>): Promise<void> {
  const { url, identityUrl, caFile, replicas } = await openCluster({ ...options, replicas: Array.from({ length: count }, () => ({})) }, closers);
  const lines = [
    `Portico, ${count} replicas as one`,
    '',
    `  public    ${url}   the balancer`,
    ...replicas.map(({ adminUrl, pid }, i) => `  replica ${i + 1} ${adminUrl}/readyz, /metrics   pid ${pid()}`),
    `  identity  ${identityUrl}/sign-in?user=alice   (bob, carol)`,
    `  ca        ${caFile}`,
    '',
    `  curl -s --cacert '${caFile}' ${url}/portico.v1.SessionService/SignIn -H 'content-type: application/json' -d "$(curl -s '${identityUrl}/sign-in?user=alice')"`,
    '',
    'Kill a replica by its pid and call on. Ctrl-C ends all.',
  ];
  console.log(lines.join('\n'));
}

function optionsOf() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8443' },
        'identity-port': { type: 'string', default: '0' },
        host: { type: 'string', default: '127.0.0.1' },
        replicas: { type: 'string', default: '2' },
        log: { type: 'string', default: 'warn' },
        folder: { type: 'string' },
      },
    });
    const number = (name: 'port' | 'identity-port' | 'replicas', least: number, most: number) => {
      const value = Number(values[name]);
      if (!Number.isInteger(value) || value < least || value > most)
        throw new Error(`--${name} ${values[name]}: a whole number from ${least} to ${most} is allowed.`);
      return value;
    };
    return {
      port: number('port', 0, 65_535),
      identityPort: number('identity-port', 0, 65_535),
      host: values.host,
      count: number('replicas', 1, 20),
      log: values.log,
      folder: values.folder,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(64);
  }
}

let leaving = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (leaving) process.exit(1); // a second one: at once
    leaving = true;
    void closers.close().then(() => process.exit(0));
  });
try {
  await start(optionsOf());
} catch (error) {
  if (!leaving) {
    console.error(error instanceof Error ? error.message : error);
    await closers.close();
    process.exit(1);
  }
}
