// The upstreams of whatever app is in src/app, at an address where nothing listens: settings have to name them, and
// core's tests call none.
import { app } from '../../../src/app/index.ts';
import { releaseMethods } from '../../../src/wire/methods.ts';

const forwarded = [...releaseMethods(undefined).plans.values()].flatMap(({ forward }) => (forward === undefined ? [] : [forward.upstream]));
const names = [...new Set([...Object.keys(app.upstreams), ...forwarded])];

/** For a settings file: the part `upstreams`. */
export const appUpstreams: Readonly<Record<string, { readonly address: string }>> = Object.fromEntries(
  names.map((name) => [name, { address: '127.0.0.1:1' }]),
);

/** The same for a command line in dev, where they also take the place of the sample company's. */
export const upstreamFlags: readonly string[] = names.flatMap((name) => ['--set', `upstreams.${name}.address=127.0.0.1:1`]);
