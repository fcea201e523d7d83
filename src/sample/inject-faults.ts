import { type CompatServiceDefinition, ServerError, type ServerMiddleware, Status } from 'nice-grpc';
import type { Clock } from '../core/kit/clock.ts';

/** The behaviour of a service, to show how the server handles it. `gone` listens on no port. */
export const behaviours = ['well', 'slow', 'failing', 'hanging', 'garbage', 'gone'] as const;
export type Behaviour = (typeof behaviours)[number];

/** How long a slow service takes before it answers. Milliseconds. */
const slowMs = 3_000;

/** Behaves as the switch states, which may change while the service runs. */
export function behaving(behaviour: () => Behaviour, clock: Clock): ServerMiddleware {
  return async function* behave(call, context) {
    switch (behaviour()) {
      case 'failing':
        throw new ServerError(Status.INTERNAL, 'NullPointerException at com.example.Internal(Internal.java:42)');
      case 'hanging':
        await new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true }));
        break;
      case 'slow':
        await new Promise<void>((resolve) => clock.after(slowMs, resolve));
        break;
      default:
    }
    return yield* call.next(call.request, context);
  };
}

/** Not a protobuf message: a field with an undefined wire type. */
const garbage = new Uint8Array([0x0f, 0xff, 0xff, 0xff]);

/** The same service. Its answers cannot be decoded while the switch is on `garbage`. */
export function garbling<Service extends CompatServiceDefinition>(service: Service, behaviour: () => Behaviour): Service {
  const { methods } = service as unknown as {
    readonly methods: Readonly<Record<string, { readonly responseType: { encode(message: never): unknown } }>>;
  };
  const garbled = Object.entries(methods).map(([name, method]) => {
    const { responseType } = method;
    const encode = (message: never) => (behaviour() === 'garbage' ? { finish: () => garbage } : responseType.encode(message));
    return [name, { ...method, responseType: { ...responseType, encode } }];
  });
  return { ...service, methods: Object.fromEntries(garbled) };
}
