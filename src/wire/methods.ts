import type { MethodPlan } from '../core/kit/plan.ts';
import { type Compiled, compilePlans } from '../core/policy/compile-plans.ts';
import { servicesWithPolicies } from '../core/policy/served.ts';
import type { Handler } from '../core/ports/call.ts';
import type { App } from '../core/screen/app.ts';
import type { Release } from './release.ts';

/** Which services are served, and their plans. */
export type Methods = Compiled & {
  /** Methods of internal services that may be tried again, as "package.Service/Method". */
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
 * @throws PolicyErrors; Error when `only` names a service that is not there
 */
export function methodsOf(
  { descriptorSet, sources }: Pick<Release, 'descriptorSet' | 'sources'>,
  app: App,
  { only, upstreams }: { readonly only: readonly string[] | undefined; readonly upstreams: ReadonlySet<string> | undefined },
): Methods {
  const meant = new Set([...servicesWithPolicies(descriptorSet), ...app.screens.map(({ method }) => method.split('/')[0] ?? '')]);
  const unknown = (only ?? []).find((service) => !meant.has(service));
  if (unknown !== undefined) throw new Error(`app.services names ${unknown}, which is no service here. There are: ${[...meant].sort().join(', ')}.`);
  const core = /^portico\./;
  const served = (service: string) => meant.has(service) && (only === undefined || core.test(service) || only.includes(service));
  const compiled = compilePlans({ descriptorSet, sources, served, ...(upstreams && { upstreams }) });
  const plans = [...compiled.plans.values()];
  const scopes = new Set(plans.flatMap(({ access }) => (access.kind === 'user' ? access.scopes : [])));
  const templates = plans.flatMap(({ cache, invalidates }) => [...(cache?.tags ?? []), ...invalidates]);
  const claimNames = new Set([
    ...plans.flatMap(({ cache }) => cache?.claims ?? []),
    ...templates.flatMap(({ parts }) => parts.flatMap((part) => ('claim' in part ? [part.claim] : []))),
  ]);
  return { ...compiled, retryable: retryableOf(app, plans, compiled), scopes: [...scopes].sort(), claimNames };
}

/** Idempotent methods of the services that are called: by their option, said by those who own them. */
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

/** What answers each method. */
export type Handlers = {
  /** Core's own services, by method. */
  readonly core: Readonly<Record<string, Handler>>;
  readonly screens: ReadonlyMap<string, Handler>;
  forward(plan: MethodPlan): Handler;
  /** @param unary the plan of the unary method */
  streamOf(unary: MethodPlan): Handler;
};

/** @throws Error naming every method that nothing answers, or that two things answer */
export function handlersOf(plans: ReadonlyMap<string, MethodPlan>, handlers: Handlers): (plan: MethodPlan) => Handler {
  const wrong: string[] = [];
  const found = new Map<MethodPlan, Handler>();
  for (const plan of plans.values()) {
    const all = [
      handlers.core[plan.method],
      handlers.screens.get(plan.method),
      plan.forward && handlers.forward(plan),
      plan.streamOf === undefined ? undefined : handlers.streamOf(plans.get(`/${plan.streamOf}`) as MethodPlan),
    ].filter((handler) => handler !== undefined);
    if (all[0] !== undefined && all.length === 1) found.set(plan, all[0]);
    else if (all.length === 0)
      wrong.push(
        `${plan.method} has no answer: write a screen for it (src/app/index.ts lists them), or say \`forward\` or \`stream_of\` in its policy.`,
      );
    else wrong.push(`${plan.method} has ${all.length} answers: keep one of its screen, \`forward\` and \`stream_of\`.`);
  }
  for (const method of handlers.screens.keys())
    if (!plans.has(`/${method}`)) wrong.push(`${method} has a screen, but is in no .proto of this release: run \`npm run generate\`.`);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return (plan) => found.get(plan) as Handler;
}
