import type { MethodPlan } from '../kit/method-plan.ts';
import type { Handler } from '../ports/call.ts';
import { boundedMetadata } from './bound-answer-metadata.ts';

/** The handlers by method. */
export type Handlers = {
  /** Core's own services, by method. */
  readonly core: Readonly<Record<string, Handler>>;
  /** By method. */
  readonly screens: readonly (readonly [method: string, handler: Handler])[];
  /** The budget of an answer's metadata. */
  readonly metadataBytesMax: number;
  forward(plan: MethodPlan): Handler;
  /** @param unary the plan of the unary method */
  streamOf(unary: MethodPlan): Handler;
};

/** @throws Error naming every method without a handler, or with two */
export function handlersOf(plans: ReadonlyMap<string, MethodPlan>, handlers: Handlers): (plan: MethodPlan) => Handler {
  const wrong: string[] = [];
  const found = new Map<MethodPlan, Handler>();
  for (const plan of plans.values()) {
    const all = [
      handlers.core[plan.method],
      ...handlers.screens.flatMap(([method, handler]) => (method === plan.method ? [handler] : [])),
      plan.forward && handlers.forward(plan),
      plan.streamOf === undefined ? undefined : handlers.streamOf(plans.get(`/${plan.streamOf}`) as MethodPlan),
    ].filter((handler) => handler !== undefined);
    if (all[0] !== undefined && all.length === 1) found.set(plan, boundedMetadata(plan, all[0], handlers.metadataBytesMax));
    else if (all.length === 0)
      wrong.push(
        `${plan.method} has no answer: write a screen for it (src/app/index.ts lists them), or say \`forward\` or \`stream_of\` in its policy.`,
      );
    else wrong.push(`${plan.method} has ${all.length} answers: keep one of its screens, \`forward\` and \`stream_of\`.`);
  }
  for (const [method] of handlers.screens)
    if (!plans.has(`/${method}`)) wrong.push(`${method} has a screen, but is in no .proto of this release: run \`npm run generate\`.`);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return (plan) => found.get(plan) as Handler;
}
