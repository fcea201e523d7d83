import { PublisherServiceDefinition } from '../../../gen/portico/internal/v1/publisher.ts';
import { parseDurationMs } from '../../kit/duration.ts';
import { Fault } from '../../kit/fault.ts';
import { settleMaxMs } from '../../policy/compile-plans.ts';
import type { Handler } from '../../ports/call.ts';
import type { Invalidate } from '../../ports/invalidate.ts';
import { serviceHandlers } from '../service-handlers.ts';

/**
 * The handlers of portico.internal.v1.PublisherService, by method. Its .proto defines who may call and the form of
 * tags; both are checked before.
 */
export function publisherHandlers({ invalidate }: { readonly invalidate: Invalidate }): Readonly<Record<string, Handler>> {
  return serviceHandlers(PublisherServiceDefinition, {
    invalidate: async ({ tags, soft, settle }) => {
      await invalidate(tags, { soft, settleMs: settle === '' ? 0 : settleMsOf(settle) });
      return {};
    },
  });
}

/** The .proto defines its form, which is checked before, but not its maximum. */
function settleMsOf(settle: string): number {
  const ms = parseDurationMs(settle);
  if (ms !== undefined && ms >= 1 && ms <= settleMaxMs) return ms;
  const description = 'must be from 1ms to 10m';
  throw new Fault('REQUEST_INVALID', `The request breaks a rule: settle ${description}.`, {
    violations: [{ field: 'settle', rule: 'settle', description }],
  });
}
