import { z } from 'zod';
import { duration, platformUrl, secret, secretFile } from '../value-formats.ts';

const id = () =>
  z
    .string()
    .regex(/^[A-Z0-9]{10}$/)
    .meta({ 'x-text': 'ten capital letters and digits' });

const apns = z.strictObject({
  teamId: id().describe('The team id of the Apple developer account.'),
  keyId: id().describe('The id of the key.'),
  key: secret(1).optional().meta({ writeOnly: true }).describe('The key as Apple gives it: a PEM file AuthKey_….p8 (P-256).'),
  keyFile: secretFile('key'),
  topics: z
    .array(z.string().regex(/^[A-Za-z0-9.-]{1,200}$/))
    .min(1)
    .max(50)
    .describe('Bundle ids of the apps that may be pushed to. The first is that of tokens that name none.'),
  url: platformUrl().default('https://api.push.apple.com').describe('Where pushes to apps of the store and of TestFlight are sent.'),
  sandboxUrl: platformUrl().default('https://api.sandbox.push.apple.com').describe('Where pushes to development builds are sent.'),
});

const fcm = z.strictObject({
  account: secret(1)
    .optional()
    .meta({ writeOnly: true })
    .describe('The key of a service account with the role "Firebase Cloud Messaging API Admin": a JSON file.'),
  accountFile: secretFile('account'),
  url: platformUrl().default('https://fcm.googleapis.com').describe('Where pushes are sent.'),
});

export const push = z
  .strictObject({
    provider: z
      .enum(['off', 'log', 'platforms'])
      .optional()
      .describe(
        'off: DeviceService refuses tokens, and nothing is pushed. log: pushes are written to the log. platforms: they are sent by `apns` and `fcm`, as far as these are set. Default: platforms where one of them is set, otherwise log in dev and off in serve.',
      ),
    after: duration('0s', '10m').prefault('5s').describe('A message is pushed to the devices that have not confirmed it after this long.'),
    expire: duration('1m', '672h').prefault('24h').describe('A push that could not be delivered for this long is dropped, here and by its platform.'),
    content: z
      .enum(['place', 'text'])
      .default('place')
      .describe(
        'What a push of a message has. place: its conversation and number, and the app shows a text of its own. text: also the title of the conversation and the beginning of the message, which the platforms can read.',
      ),
    apns: apns.optional().describe('The Apple Push Notification service. Unset: it is not used.'),
    fcm: fcm.optional().describe('Firebase Cloud Messaging. Unset: it is not used.'),
  })
  .prefault({})
  .describe('Pushes to devices: DeviceService.');
