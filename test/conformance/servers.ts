// Two servers of one release for the foreign suites, in the test's own process: one over TLS, one that speaks plain HTTP.
import { join } from 'node:path';
import type { Handler } from '../../src/core/ports/call.ts';
import { defineApp } from '../../src/core/screen/define-app.ts';
import type { Release } from '../../src/release/release.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';

export type Servers = AsyncDisposable & {
  readonly tls: TestServer;
  readonly plain: TestServer;
  /** PEM file of the authority that signed the first one's certificate. */
  readonly caFile: string;
};

export type ServersOptions = {
  readonly release: Release;
  /** What answers methods that are not forwarded. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  /** Addresses of the suites' own servers by the name of the upstream. */
  readonly upstreams?: Readonly<Record<string, string>>;
};

/** Of policies and upstreams, where a suite is to see only the client's own: longer than any that a suite says. */
export const longDeadline = '1h';

export async function openServers({ release, handlers = {}, upstreams = {} }: ServersOptions): Promise<Servers> {
  const app = defineApp({ upstreams: {}, screens: [] });
  const open = (settings: Readonly<Record<string, unknown>>) => {
    const named = Object.entries(upstreams).flatMap(([name, address]) => [
      [`upstreams.${name}.address`, address],
      [`upstreams.${name}.deadline`, longDeadline],
    ]);
    return openTestServer({ app, release, handlers, settings: { ...Object.fromEntries(named), ...settings } });
  };
  const tls = await open({});
  const plain = await open({ 'public.plaintext': true }).catch(async (error: unknown) => {
    await tls.close();
    throw error;
  });
  return {
    tls,
    plain,
    caFile: join(tls.dataDir, 'tls/ca.pem'),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([tls.close(), plain.close()]);
    },
  };
}
