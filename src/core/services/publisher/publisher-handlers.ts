import { type EraseUserRequest, type EraseUserResponse, PublisherServiceDefinition } from '../../../gen/portico/internal/v1/publisher.ts';
import { parseDurationMs } from '../../kit/duration.ts';
import { ruleBroken } from '../../kit/fault.ts';
import { settleMaxMs } from '../../policy/invalidates-policy.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { Invalidate } from '../../ports/invalidate.ts';
import type { Notify } from '../../ports/push-queue.ts';
import type { Publish } from '../../ports/topic-log.ts';
import { serviceHandlers } from '../service-handlers.ts';

/** What internal services may do here: to cached answers, topics, devices, streams, and what is stored of a user. */
export type PublisherParts = {
  readonly invalidate: Invalidate;
  readonly publish: Publish;
  /** Notices by a service's name, in which their request ids are unique. */
  readonly notifyBy: (service: string) => Notify;
  /** Closes the streams of a user, or of one session, at every replica. */
  readonly disconnect: (userId: string, sessionId: string | undefined, resume: boolean) => Promise<void>;
  readonly eraseUser: (request: EraseUserRequest, call: ReadyCall) => Promise<Partial<EraseUserResponse>>;
  readonly exportUser: Handler;
};

/**
 * The handlers of portico.internal.v1.PublisherService, by method. Its .proto defines who may call and the form of
 * tags; both are checked before.
 */
export function publisherHandlers(parts: PublisherParts): Readonly<Record<string, Handler>> {
  const { invalidate, publish, notifyBy, disconnect, eraseUser, exportUser } = parts;
  const { fullName, methods } = PublisherServiceDefinition;
  const unary = serviceHandlers(PublisherServiceDefinition, {
    eraseUser,
    invalidate: async ({ tags, soft, settle }) => {
      await invalidate(tags, { soft, settleMs: settle === '' ? 0 : settleMsOf(settle) });
      return {};
    },
    publish: async ({ events }, { trace }) => {
      const all = events.map(({ requestId, ...event }) => ({ ...event, requestId: requestId || undefined }));
      const positions = await publish(all, trace.sampled ? trace : undefined);
      return { offsets: positions.map(({ offset }) => BigInt(offset)) };
    },
    notify: async ({ userId, expire, data, ...notice }, { caller }) => {
      if (caller?.kind !== 'service') throw new Error('Notify is for services: its policy says so.');
      const expireMs = expire === '' ? undefined : parseDurationMs(expire);
      return { devices: await notifyBy(`service ${caller.name}`)(userId, { ...notice, data: Object.fromEntries(data), expireMs }) };
    },
    disconnect: async ({ userId, sessionId, resume }) => {
      await disconnect(userId, sessionId || undefined, resume);
      return {};
    },
  });
  return { ...unary, [`${fullName}/${methods.exportUser.name}`]: exportUser };
}

/** The .proto defines its form, which is checked before, but not its maximum. */
function settleMsOf(settle: string): number {
  const ms = parseDurationMs(settle);
  if (ms !== undefined && ms >= 1 && ms <= settleMaxMs) return ms;
  throw ruleBroken('settle', 'must be from 1ms to 10m');
}
