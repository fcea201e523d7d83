// What an app in a browser imports.
export { openClient } from '../../src/client/client.ts';
export { memoryTokenStore } from '../../src/client/session.ts';
export { webTransport } from '../../src/client/web-transport.ts';
export { GetItemRequest, GetItemResponse, ScreenServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
