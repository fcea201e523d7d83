import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Push } from '../../ports/push-queue.ts';
import type { PushOutcome, PushSender } from '../../ports/push-sender.ts';
import { accessTokenOf, type FcmAccount } from './fcm-account.ts';
import { fcmOutcomeOf, readFcmAnswer } from './fcm-outcomes.ts';
import { apnsHeadersOf, apsOf, fcmDataOf, type PushText, shownOf } from './push-payloads.ts';
import { isQuiet } from './quiet-hours.ts';
import { readAtMost, retryAfterMs } from './read-http-response.ts';

export type FcmOptions = {
  readonly account: FcmAccount;
  readonly url: string;
  readonly text: PushText;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch: typeof fetch;
};

const answerBytesMax = 65_536;
/** Errors of Node before anything was sent. */
const unconnectedCodes =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** Sends pushes by Firebase Cloud Messaging, HTTP v1. */
export function fcmSender({ account, url, text, clock, log, fetch }: FcmOptions): PushSender {
  const access = accessTokenOf(account, { clock, fetch });
  const endpoint = `${url.replace(/\/$/, '')}/v1/projects/${account.projectId}/messages:send`;

  const post = async (push: Push, bearer: string, signal: AbortSignal) => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ message: messageOf(push, text) });
    const response = await fetch(endpoint, { method: 'POST', headers, body, redirect: 'error', signal });
    return { response, answer: readFcmAnswer(response.status, await readAtMost(response, answerBytesMax)) };
  };
  return {
    send: async (push, signal): Promise<PushOutcome> => {
      for (let attempt = 1; ; attempt++) {
        let bearer: string;
        try {
          bearer = await access.current();
        } catch (error) {
          return { kind: 'later', afterMs: undefined, all: true, mayBeSent: false, reason: `no access token: ${textOf(error)}` };
        }
        try {
          const { response, answer } = await post(push, bearer, signal);
          if (answer.status === 401 && attempt === 1) {
            access.refused(bearer);
            continue;
          }
          if (answer.status === 401 || answer.code === 'PERMISSION_DENIED')
            log.error('FCM does not accept us: compare push.fcm with the service account.', { reason: answer.code });
          return fcmOutcomeOf(answer, retryAfterMs(response.headers.get('retry-after'), clock.nowMs()));
        } catch (error) {
          const code = (error as { cause?: NodeJS.ErrnoException }).cause?.code ?? '';
          const unconnected = unconnectedCodes.test(code);
          return { kind: 'later', afterMs: undefined, all: unconnected || signal.aborted, mayBeSent: !unconnected, reason: textOf(error) };
        }
      }
    },
    close: async () => {},
  };
}

function textOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/**
 * Data only, which an app on Android shows itself: FCM would collapse notification messages. Apple devices get the same
 * as by APNs; FCM adds the data to it.
 * @see https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 */
function messageOf(push: Push, text: PushText): Readonly<Record<string, unknown>> {
  const { token, content, nowMs, expiresAtMs } = push;
  const shown = shownOf(push, text);
  const { alert } = shown;
  const quiet = isQuiet(token.quietHours, nowMs);
  return {
    token: token.token,
    data: fcmDataOf(push, shown),
    android: {
      priority: alert === undefined || quiet ? 'NORMAL' : 'HIGH',
      ttl: `${Math.max(0, Math.floor((expiresAtMs - nowMs) / 1_000))}s`,
      ...(content.kind === 'read' && { collapse_key: 'read' }), // only the newest is of use
    },
    apns: { headers: apnsHeadersOf(push, shown), payload: { aps: apsOf(push, shown) } },
  };
}
