import { en } from '../core/interceptors/messages/en.ts';
import { handlersOf } from '../core/interceptors/one-handler-per-method.ts';
import { nearest } from '../core/kit/did-you-mean.ts';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import { reasons as coreReasons } from '../core/kit/reasons.ts';
import type { App } from '../core/screen/define-app.ts';
import { reasonsInSource } from '../release/reasons-in-source.ts';
import { releaseFolder } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import { reasonProblems, textProblems } from './check-reasons-and-texts.ts';

type Plans = ReadonlyMap<string, MethodPlan>;

/** @returns methods without an implementation, and screens of unknown methods */
export function screenProblems(app: App, plans: Plans, served: readonly string[] | undefined): readonly string[] {
  const nothing = () => Promise.reject(new Error('Nothing is called by a check.'));
  const ours = [...plans.values()].filter(({ method }) => method.startsWith('portico.'));
  const isServed = (method: string) => served === undefined || served.includes(method.split('/')[0] ?? '');
  try {
    handlersOf(plans, {
      core: Object.fromEntries(ours.map(({ method }) => [method, nothing])),
      screens: app.screens.filter(({ method }) => isServed(method)).map(({ method }) => [method, nothing]),
      metadataBytesMax: 8_192,
      forward: () => nothing,
      streamOf: () => nothing,
    });
    return [];
  } catch (error) {
    return error instanceof Error ? error.message.split('\n') : [String(error)];
  }
}

/** @returns reasons that are not listed, and missing texts */
export function reasonAndTextProblems(app: App): readonly string[] {
  return [...reasonProblems(reasonsInSource(releaseFolder()), app, Object.keys(coreReasons)), ...textProblems(app, en)];
}

/** "4 screens, 2 reasons, texts in en, de" */
export function appSummary(app: App): string {
  return `${app.screens.length} screens, ${Object.keys(app.reasons).length} reasons, texts in ${Object.keys(app.messages).join(', ') || 'English'}`;
}

/**
 * @param plans of all services, served or not; unset: the policies could not be read.
 * @param startedInDev names of upstreams that sample services stand for
 * @returns upstreams that are used but not set, or set but not used
 */
export function upstreamProblems(
  app: App,
  { upstreams, sample, origins }: Pick<Settings, 'upstreams' | 'sample' | 'origins'>,
  plans: Plans | undefined,
  startedInDev: readonly string[] = [],
) {
  const ofScreens = Object.keys(app.upstreams);
  const used = [
    ...new Set([...ofScreens, ...[...(plans?.values() ?? [])].flatMap(({ forward }) => (forward === undefined ? [] : [forward.upstream]))]),
  ];
  const set = Object.keys(upstreams);
  const originOf = (name: string) => [...origins].find(([key]) => `${key}.`.startsWith(`upstreams.${name}.`))?.[1] ?? 'set';
  const started = sample ? startedInDev : [];
  const unset = ofScreens.filter((name) => !set.includes(name) && !started.includes(name));
  const unused = plans === undefined ? [] : set.filter((name) => !used.includes(name));
  return [
    ...(unset.length === 0 ? [] : [`${unset.join(', ')}: screens use them, and the settings do not name them.`]),
    ...unused.map((name) => {
      const near = nearest(name, used);
      const hint = near === undefined ? `Screens and policies use ${used.join(', ') || 'none'}.` : `Did you mean ${near}?`;
      return `upstreams.${name} (${originOf(name)}): no screen and no policy uses it. ${hint}`;
    }),
  ];
}

/** @returns why no user could make a call. In dev any name signs in */
export function signInProblem({ mode, auth }: Pick<Settings, 'mode' | 'auth'>, plans: Plans): string | undefined {
  if (mode === 'dev' || auth.idTokenIssuers.length + auth.externalIssuers.length > 0) return undefined;
  const forUsers = [...plans.values()].filter(({ method, access }) => access.kind === 'user' && !method.startsWith('portico.')).length;
  if (forUsers === 0) return undefined;
  return `auth.idTokenIssuers (not set): no user can sign in, and ${forUsers} methods are for users. Name an identity provider here, with issuer, jwksUrl and audiences, or in auth.externalIssuers.`;
}
