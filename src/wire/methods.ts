import type { MethodPlan } from '../core/kit/method-plan.ts';
import { type Compiled, compilePlans, servicesWithPolicies } from '../core/policy/compile-plans.ts';
import type { App } from '../core/screen/define-app.ts';
import { type Release, readRelease, typesOf } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import { app, sample } from './sample-company.ts';

/** The served services, and their plans. */
export type Methods = Compiled & {
  /** Methods of internal services that may be retried, as "package.Service/Method". */
  readonly retryable: readonly string[];
  /** Scopes that any policy names, sorted. */
  readonly scopes: readonly string[];
  /** Claims that any policy names. */
  readonly claimNames: ReadonlySet<string>;
};

/**
 * Compiles the plans of all services that have policies or screens.
 * @param only full names of the services that are served; unset: all
 * @param upstreams names in the settings; unset: those that policies name are not checked
 * @throws PolicyErrors; Error when `only` names an unknown service
 */
export function methodsOf(
  { descriptorSet, sources }: Pick<Release, 'descriptorSet' | 'sources'>,
  app: App,
  { only, upstreams }: { readonly only: readonly string[] | undefined; readonly upstreams: ReadonlySet<string> | undefined },
): Methods {
  const registry = typesOf(descriptorSet);
  const meant = new Set([...servicesWithPolicies(registry), ...app.screens.map(({ method }) => method.split('/')[0] ?? '')]);
  const unknown = (only ?? []).find((service) => !meant.has(service));
  if (unknown !== undefined) throw new Error(`app.services names ${unknown}, which is no service here. There are: ${[...meant].sort().join(', ')}.`);
  const core = /^portico\./;
  const served = (service: string) => meant.has(service) && (only === undefined || core.test(service) || only.includes(service));
  const called = new Set(Object.values(app.upstreams).map(({ fullName }) => fullName));
  const compiled = compilePlans({ registry, sources, served, called, ...(upstreams && { upstreams }) });
  const plans = [...compiled.plans.values()];
  const scopes = new Set(plans.flatMap(({ access }) => (access.kind === 'user' ? access.scopes : [])));
  const templates = plans.flatMap(({ cache, invalidates }) => [...(cache?.tags ?? []), ...invalidates]);
  const claimNames = new Set([
    ...plans.flatMap(({ cache }) => cache?.claims ?? []),
    ...templates.flatMap(({ parts }) => parts.flatMap((part) => ('claim' in part ? [part.claim] : []))),
  ]);
  return { ...compiled, retryable: retryableOf(app, plans, compiled), scopes: [...scopes].sort(), claimNames };
}

/** Idempotent methods of the upstream services, by the option of their protos. */
function retryableOf(app: App, plans: readonly MethodPlan[], { registry }: Compiled): readonly string[] {
  const called = [
    ...Object.values(app.upstreams).flatMap(({ fullName, methods }) => Object.values(methods).map(({ name }) => `${fullName}/${name}`)),
    ...plans.flatMap(({ forward }) => (forward === undefined ? [] : [forward.path.slice(1)])),
  ];
  return [...new Set(called)].filter((method) => {
    const [service = '', name = ''] = method.split('/');
    const descriptor = registry.getService(service)?.methods.find((candidate) => candidate.name === name);
    return descriptor !== undefined && descriptor.methodKind === 'unary' && descriptor.idempotency !== 0;
  });
}

/**
 * The methods that a server of this release would answer, without opening any resource.
 * @param settings unset: all services, and upstream names are not checked
 */
export function releaseMethods(settings: Pick<Settings, 'app' | 'upstreams' | 'sample'> | undefined): Methods {
  if (settings === undefined) return methodsOf(readRelease(), app, { only: undefined, upstreams: undefined });
  const upstreams = new Set([...Object.keys(settings.upstreams), ...(settings.sample ? (sample?.names ?? []) : [])]);
  return methodsOf(readRelease(), app, { only: settings.app.services, upstreams });
}
