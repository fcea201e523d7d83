// A Portico whose method takes a large request and answers nothing: what it costs is the request.

import { openMessages } from '../../messages/harness.ts';
import { registryOf, signIn } from '../../support/client/protocols.ts';
import { fixtureRelease } from '../../support/server/test-server.ts';
import { ready } from './common.ts';

const messages = await openMessages();
messages.onShip = () => ({});
const { authorization } = (await signIn(messages.server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers;
ready({ url: messages.server.url, ca: messages.server.ca, authorization });
