// What accept-language asks for is the same for the texts of screens and of errors, in every protocol (RFC 9110, section 12.5.4).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, protocols, registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const transports = keptTransports();
const german = 'Bitte melden Sie sich an.';

let server: TestServer;
let upstream: ScriptedUpstream;
let headers: { readonly authorization: string };
before(async () => {
  upstream = await openScriptedUpstream();
  const { app } = openFixture();
  server = await openTestServer({ app: { ...app, messages: { de: { TOKEN_MISSING: german } } }, samples: { scripted: upstream.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  upstream?.close();
});

const wishes: readonly (readonly [header: string, language: string])[] = [
  ['DE', 'de'],
  ['de-AT', 'de'],
  ['en;q=0.1, de;q=0.9', 'de'],
  ['en;q=0.9, de;q=0.1', 'en'],
  ['de;q=0, en', 'en'],
  ['fr, de;q=0.2', 'de'],
  ['fr', 'en'],
  ['*;q=0.5', 'en'],
];
for (const protocol of protocols) {
  test(`${protocol}: screens and errors speak the wished language`, async () => {
    for (const [header, language] of wishes) {
      const transport = transports(protocol, server);
      const screen = await callOf(
        registry,
        transport,
        'fixture.v1.ScreenService/GetItem',
        { itemId: 'a' },
        {
          headers: { ...headers, 'accept-language': header },
        },
      );
      assert.equal((screen.messages[0]?.labels as Record<string, string> | undefined)?.language, language, `a screen for "${header}"`);
      const refused = await callOf(
        registry,
        transport,
        'fixture.v1.ScreenService/GetItem',
        { itemId: 'a' },
        { headers: { 'accept-language': header } },
      );
      const { locale, message } = refused.decoded?.localized ?? {};
      assert.deepEqual([locale, message === german], [language, language === 'de'], `an error for "${header}"`);
    }
  });
}
