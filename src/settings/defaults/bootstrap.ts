import { z } from 'zod';
import { versionOf } from '../../core/kit/app-version.ts';
import { duration, name, text } from '../value-formats.ts';

/** GetBootstrap answers with all of them in one small message: it is what each app waits for at its start. */
const flagsMax = 100;
const valueMax = 100;
const blockedMax = 50;
/** It is a value of an error's metadata. */
const storeUrlMax = 256;

const version = () =>
  text()
    .refine((version) => versionOf(version) !== undefined)
    .meta({ 'x-text': 'numbers with dots between them, at most four, such as "4.2.0"' });
const value = () => z.string().max(valueMax);

const platform = z.strictObject({
  least: version().optional().describe('Older versions get UPDATE_REQUIRED, and their calls are refused. Unset: no version does.'),
  advised: version().optional().describe('Older versions get UPDATE_ADVISED, unless they get UPDATE_REQUIRED. Unset: no version does.'),
  blocked: z
    .array(version())
    .max(blockedMax)
    .prefault([])
    .describe(`Versions that get UPDATE_REQUIRED, too: "4.2.0" is all builds of one, "4.2.0+77" one build. At most ${blockedMax}.`),
  storeUrl: text()
    .max(storeUrlMax)
    .optional()
    .describe(`Where users get the newest version, such as "https://apps.apple.com/app/id1". At most ${storeUrlMax} characters.`),
});

const forPlatform = z.strictObject({
  value: value().describe('Received in place of the value of the flag.'),
  least: version().optional().describe('Only by this version and newer ones. Unset: by all, also by those that name no version.'),
});

const flag = z.strictObject({
  value: value().optional().describe('Received by all apps for which `platforms` has no value. Unset: they do not receive the flag.'),
  platforms: z.record(name(), forPlatform).prefault({}).describe('Other values, by `app-platform` in lower case, such as "ios".'),
});

export const bootstrap = z
  .strictObject({
    keepalive: duration('10s', '1h')
      .prefault('45s')
      .describe(
        'The interval that apps receive for keepalive pings of HTTP/2 while calls are open: a client behind a lost network notices after it.',
      ),
    versions: z
      .record(name(), platform)
      .prefault({})
      .describe('Which versions of the app are supported, by `app-platform` in lower case, such as "ios".'),
    flags: z
      .record(name(), flag)
      .refine((flags) => Object.keys(flags).length <= flagsMax)
      .prefault({})
      .describe(`Feature flags that apps receive at their start, by name: at most ${flagsMax}, with values of at most ${valueMax} characters.`),
  })
  .prefault({})
  .describe('What BootstrapService answers an app at its start, by its `app-platform` and `app-version`.');
