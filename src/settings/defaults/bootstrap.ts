import { z } from 'zod';
import { versionOf } from '../../core/kit/app-version.ts';
import { name, text } from '../value-formats.ts';

/** GetBootstrap answers with all of them in one small message: it is what each app waits for at its start. */
const flagsMax = 100;
const valueMax = 100;

const version = () =>
  text()
    .refine((version) => versionOf(version) !== undefined)
    .meta({ 'x-text': 'numbers with dots between them, at most four, such as "4.2.0"' });
const value = () => z.string().max(valueMax);

const platform = z.strictObject({
  least: version().optional().describe('Older versions get UPDATE_REQUIRED. Unset: no version does.'),
  advised: version().optional().describe('Older versions get UPDATE_ADVISED, unless they get UPDATE_REQUIRED. Unset: no version does.'),
  storeUrl: text().optional().describe('Where users get the newest version, such as "https://apps.apple.com/app/id1".'),
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
