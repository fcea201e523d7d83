// Connect's conformance suite against Portico, by all protocols, HTTP versions and kinds of call: `npm run test:conformance`.
import { test } from 'node:test';
import { buildGoPrograms } from './builds.ts';
import { hold } from './hold.ts';
import { openReferenceServer } from './reference-server.ts';
import { releaseOf } from './release.ts';
import { longDeadline, openServers } from './servers.ts';
import { conformanceService } from './service.ts';
import { runSuite } from './suite.ts';

const service = 'connectrpc.conformance.v1.ConformanceService';
const open = { access: { anonymous: true }, deadline: longDeadline };
/** What the cases send and look for on the other side. */
const metadata = ['x-custom-header', 'x-conformance-test'];
const answerMetadata = ['x-custom-header', 'x-custom-trailer'];

const { program, descriptors } = await buildGoPrograms();

test('the conformance suite on handlers in the chain', async () => {
  await using servers = await openServers({
    release: releaseOf(descriptors.connect, [service], () => open),
    handlers: conformanceService(descriptors.connect),
  });
  hold(await runSuite(program, servers), 'connect-handlers.json');
});

test("the conformance suite through `forward`, with the suite's own server behind it", async () => {
  await using upstream = await openReferenceServer(program('referenceserver'));
  const policyOf = (method: string) => ({ ...open, forward: { upstream: 'reference', method, metadata, answerMetadata, texts: 'PASS' } });
  await using servers = await openServers({
    release: releaseOf(descriptors.connect, [service], policyOf),
    upstreams: { reference: upstream.address },
  });
  hold(await runSuite(program, servers), 'connect-forward.json');
});
