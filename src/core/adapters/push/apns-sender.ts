import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PushOutcome, PushSender } from '../../ports/push-sender.ts';
import { openApnsConnection } from './apns-connection.ts';
import { outcomeOf, readAnswer } from './apns-outcomes.ts';
import { type ApnsKey, apnsToken } from './apns-token.ts';
import { apnsHeadersOf, apsOf, type PushText, shownOf } from './push-payloads.ts';

export type ApnsOptions = ApnsKey & {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly text: PushText;
  readonly clock: Clock;
  readonly log: Log;
};

/** Sends pushes by the Apple Push Notification service, over one HTTP/2 connection for each environment. */
export function apnsSender({ url, sandboxUrl, text, clock, log, ...key }: ApnsOptions): PushSender {
  const provider = apnsToken(key, clock);
  const connections = { production: openApnsConnection(url, clock), sandbox: openApnsConnection(sandboxUrl, clock) };
  return {
    send: async (push, signal): Promise<PushOutcome> => {
      const { token } = push;
      const shown = shownOf(push, text);
      const body = JSON.stringify({ aps: apsOf(push, shown), portico: shown.data });
      const connection = token.sandbox ? connections.sandbox : connections.production;
      for (let attempt = 1; ; attempt++) {
        const bearer = await provider.current();
        const headers = {
          ':method': 'POST',
          ':path': `/3/device/${token.token}`,
          authorization: `bearer ${bearer}`,
          'apns-topic': token.topic,
          'content-type': 'application/json',
          ...apnsHeadersOf(push, shown),
        };
        const reply = await connection.request(headers, body, signal);
        if ('failure' in reply) {
          const { failure: reason, mayBeSent, unconnected } = reply;
          return { kind: 'later', afterMs: undefined, all: unconnected || signal.aborted, mayBeSent, reason };
        }
        const answer = readAnswer(reply.status, reply.body);
        if (answer.reason === 'ExpiredProviderToken' && attempt === 1 && provider.expired(bearer)) continue;
        if (answer.status === 403) log.error('APNs does not accept us: compare push.apns with the key of the account.', { reason: answer.reason });
        return outcomeOf(answer, reply.retryAfter, clock.nowMs());
      }
    },
    close: async () => {
      connections.production.close();
      connections.sandbox.close();
    },
  };
}
