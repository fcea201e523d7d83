// A whole harness as a developer starts it: `portico dev` as a process of its own on free ports, with the sample company;
// one of its services is a process apart, so that it can be made to fail.
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import type { Behaviour } from '../../src/sample/inject-faults.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { root, startScript } from './script.ts';

/** The longest that a start may take on a busy machine, and how often it is asked. Milliseconds. */
const startMaxMs = 60_000;
const askMs = 50;
/** The longest until a call that has ended stands in the access log. Milliseconds. */
const logMaxMs = 10_000;

/** A line of the access log. */
export type CallLine = { readonly 'rpc.status_code': string; readonly ended?: string; readonly upstreams?: readonly { readonly code: string }[] };

export type Harness = {
  /** "https://localhost:41234" */
  readonly url: string;
  /** "localhost:41234" */
  readonly target: string;
  readonly caFile: string;
  /** An access token of alice's, as it is when it has expired. */
  readonly expiredToken: string;
  /** A fresh access token. */
  tokenOf(user: string): Promise<string>;
  /** Moves the switch of the promotions service; back when it has moved. */
  promotionsAre(behaviour: Behaviour): Promise<void>;
  /** How the call with this trace id ended. */
  endOf(traceId: string): Promise<CallLine>;
  close(): Promise<void>;
};

export async function openHarness(): Promise<Harness> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-clients-'));
  const dataDir = join(folder, 'data');
  const accessLog = join(folder, 'access.log');
  const keys = await openRelay(() => `${adminUrl}/.well-known/jwks.json`);
  let adminUrl = '';
  const promotions = startScript(['src/sample/main.ts', 'promotions', '--jwks', keys.url]);
  const address = await promotions.line(/^(127\.0\.0\.1:\d+)$/);
  const settings = {
    'public.port': 0,
    'internal.port': 0,
    'admin.port': 0,
    dataDir,
    'telemetry.accessLog': accessLog,
    'upstreams.promotions.address': address,
  };
  const server = startScript(['src/main.ts', 'dev', ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])]);
  const close = async () => {
    await Promise.all([server.stop(), promotions.stop()]);
    keys.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const url = await server.line(/^ {2}public +(https:\/\/\S+)/);
    adminUrl = await server.line(/^ {2}admin +(http:\/\/[^/]+)\//);
    await until(startMaxMs, 'The server is not ready.', async () => ((await fetch(`${adminUrl}/readyz`)).ok ? true : undefined));
    const caFile = join(dataDir, 'tls/ca.pem');
    const registry = registryOf(readFileSync(join(root, 'src/gen/descriptors.binpb')));
    const tokenOf = async (user: string) => (await signIn({ url, ca: readFileSync(caFile, 'utf8') }, registry, user)).accessToken;
    return {
      url,
      target: new URL(url).host,
      caFile,
      expiredToken: await expired(await tokenOf('alice'), join(dataDir, 'keys')),
      tokenOf,
      promotionsAre: async (behaviour) => {
        const moved = promotions.line(new RegExp(`^now: (${behaviour})$`));
        promotions.say(behaviour);
        await moved;
      },
      endOf: (traceId) => until(logMaxMs, `No call with the trace id "${traceId}" stands in the access log.`, () => lineOf(accessLog, traceId)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The same token as it is an hour after it was made: the same claims and the server's own key, so that nothing but its age is wrong with it. */
async function expired(token: string, keysFolder: string): Promise<string> {
  const [name = ''] = readdirSync(keysFolder).filter((file) => file.endsWith('.pem'));
  const { iat = 0, exp = 0, ...claims } = decodeJwt(token);
  return new SignJWT(claims)
    .setProtectedHeader({ ...decodeProtectedHeader(token), alg: 'ES256' })
    .setIssuedAt(iat - 3_600)
    .setExpirationTime(exp - 3_600)
    .sign(createPrivateKey(readFileSync(join(keysFolder, name))));
}

function lineOf(accessLog: string, traceId: string): CallLine | undefined {
  if (!existsSync(accessLog)) return undefined;
  const lines = readFileSync(accessLog, 'utf8').split('\n');
  const found = lines.find((line) => line.includes(`"trace_id":"${traceId}"`) && line.includes('"rpc.status_code"'));
  return found === undefined ? undefined : (JSON.parse(found) as CallLine);
}

async function until<T>(mostMs: number, otherwise: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let waitedMs = 0; waitedMs < mostMs; waitedMs += askMs) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await pause(askMs);
  }
  throw new Error(otherwise);
}

/** The promotions service needs the address of the server's keys when it starts, and the server that of the service: this stands between. */
async function openRelay(target: () => string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((_request, response) => {
    fetch(target())
      .then(async (answer) => response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text()))
      .catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}
