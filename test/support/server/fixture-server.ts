// A server with the fixture's app and the scripted behind it: what most files of test/e2e begin with.
import { type Fixture, openFixture } from '../../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../../fixture/scripted-upstream.ts';
import { openTestServer, type TestServer, type TestServerOptions } from './test-server.ts';

export type FixtureServer = TestServer & { readonly fixture: Fixture; readonly scripted: ScriptedUpstream };

export async function openFixtureServer(options: Omit<TestServerOptions, 'app'> = {}): Promise<FixtureServer> {
  const scripted = await openScriptedUpstream();
  const fixture = openFixture();
  const server = await openTestServer({ ...options, app: fixture.app, samples: { scripted: scripted.address } }).catch((error: unknown) => {
    scripted.close();
    throw error;
  });
  const close = async () => {
    await server.close();
    scripted.close();
  };
  return { ...server, fixture, scripted, close, [Symbol.asyncDispose]: close };
}
