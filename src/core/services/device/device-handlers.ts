import { DeviceServiceDefinition, type RegisterPushTokenRequest } from '../../../gen/portico/v1/device.ts';
import { Fault, ruleBroken } from '../../kit/fault.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { PushProvider, PushToken, PushTokens } from '../../ports/push-tokens.ts';
import { userOf } from '../../streams/stream-service.ts';
import { serviceHandlers } from '../service-handlers.ts';

/** What registrations are checked against, and where they are stored. */
export type DeviceParts = {
  readonly tokens: PushTokens;
  /** Who can be asked to deliver. */
  readonly providers: ReadonlySet<PushProvider>;
  /** Bundle ids of apps on Apple devices; the first is that of tokens that name none. Empty: any. */
  readonly topics: readonly string[];
};

/** The handlers of portico.v1.DeviceService, by method. */
export function deviceHandlers({ tokens, providers, topics }: DeviceParts): Readonly<Record<string, Handler>> {
  return serviceHandlers(DeviceServiceDefinition, {
    registerPushToken: async (request, call) => {
      const session = sessionOf(call);
      const token = tokenOf(request, topics);
      if (!providers.has(token.provider)) throw new Fault('PUSH_OFF', `This server sends no pushes by ${token.provider}.`);
      const isKept = await tokens.register(session, request.device || session.sessionId, token);
      if (!isKept) throw new Fault('SESSION_REVOKED', 'The session was ended: sign in anew.');
      return {};
    },
    dropPushToken: async (_, call) => {
      await tokens.drop(sessionOf(call).sessionId);
      return {};
    },
  });
}

/** Tokens of other issuers have no session here, which could end. */
function sessionOf(call: ReadyCall): { readonly sessionId: string; readonly userId: string } {
  const { userId, sessionId } = userOf(call);
  if (sessionId === undefined) throw new Fault('SESSION_MISSING', 'A push token belongs to a session: sign in with SessionService.');
  return { sessionId, userId };
}

function tokenOf({ token, quietHours }: RegisterPushTokenRequest, topics: readonly string[]): PushToken {
  const zone = quietHours?.timeZone;
  if (zone !== undefined && !isTimeZone(zone)) throw ruleBroken('quiet_hours.time_zone', 'is no time zone, such as "Europe/Berlin"');
  const quiet = quietHours && { timeZone: quietHours.timeZone, fromMinute: quietHours.fromMinute, toMinute: quietHours.toMinute };
  if (token?.$case === 'fcm') return { provider: 'fcm', token: token.value.token, topic: '', sandbox: false, quietHours: quiet };
  if (token?.$case !== 'apns') throw new Error('RegisterPushToken has a token: its rules say so.');
  const { token: text, topic: named, sandbox } = token.value;
  const topic = named || (topics[0] ?? '');
  if (topics.length > 0 && !topics.includes(topic)) throw ruleBroken('apns.topic', 'is no app of this server');
  return { provider: 'apns', token: text.toLowerCase(), topic, sandbox, quietHours: quiet }; // hexadecimal digits: capitals are the same token
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
