import { clip } from '../../kit/clip-text.ts';
import type { Push } from '../../ports/push-queue.ts';
import { isQuiet } from './quiet-hours.ts';

/**
 * Bytes of a payload as JSON: the bound of APNs ("Generating a remote notification") and of FCM (REST v1, ErrorCode),
 * which counts what an Apple device is sent together.
 */
export const payloadBytesMax = 4_096;
/** Of JSON: an Apple device that is reached by FCM is sent them twice, and everything else takes less than 900. */
const titleBytesMax = 300;
const bodyBytesMax = 1_200;

/** What a push of a message has: its place only, or its text, too. */
export type PushText = 'place' | 'text';

/** A push as its platform shows it, whatever the platform. */
type Shown = {
  /** A later push with the same id takes the place of an earlier one that is shown. */
  readonly collapseId: string;
  /** Undefined: nothing is shown. */
  readonly alert: Readonly<Record<string, unknown>> | undefined;
  /** Groups what is shown. */
  readonly thread: string | undefined;
  /** For the app: texts by name. */
  readonly data: Readonly<Record<string, string>>;
};

/** @param text what pushes of messages have */
export function shownOf({ content, badge }: Push, text: PushText): Shown {
  if (content.kind === 'notice') {
    const { title, body, data, collapseId } = content.notice;
    const alert = title === '' && body === '' ? undefined : { ...(title !== '' && { title }), ...(body !== '' && { body }) };
    const shown = { kind: 'notice', badge: `${badge}`, data: JSON.stringify(data) };
    return { collapseId: collapseId || content.noticeId, alert, thread: undefined, data: shown };
  }
  const { kind, conversationId, seq } = content;
  const data = { kind, conversation_id: conversationId, seq: `${seq}`, badge: `${badge}` };
  if (kind === 'read') return { collapseId: `read:${conversationId}`, alert: undefined, thread: conversationId, data };
  const collapseId = `${conversationId}:${seq}`;
  if (text === 'place') return { collapseId, alert: { 'loc-key': 'PORTICO_MESSAGE' }, thread: conversationId, data };
  const title = fitting(content.title, titleBytesMax);
  const body = fitting(content.text, bodyBytesMax) || ' ';
  return { collapseId, alert: { ...(title !== '' && { title }), body }, thread: conversationId, data };
}

/** What an app on Android is given: texts by name. */
export function fcmDataOf({ token, nowMs }: Push, { alert, collapseId, data }: Shown): Readonly<Record<string, string>> {
  const { title, body } = (alert ?? {}) as { title?: string; body?: string };
  return {
    ...data,
    tag: collapseId,
    ...(title !== undefined && { title }),
    ...(body !== undefined && { body }),
    ...(isQuiet(token.quietHours, nowMs) && { quiet: 'true' }),
  };
}

/** A text that takes no more bytes of JSON than these. Control characters take six. */
function fitting(text: string, bytesMax: number): string {
  const bytesOf = (some: string) => Buffer.byteLength(JSON.stringify(some)) - 2;
  let cut = clip(text, bytesMax);
  for (let most = bytesMax; bytesOf(cut) > bytesMax && most > 8; ) {
    most = Math.floor(most * 0.75);
    cut = clip(text, most);
  }
  return cut;
}

/** The part of a payload for APNs that the system reads. @see "Generating a remote notification" */
export function apsOf({ token, nowMs, badge }: Push, { alert, thread }: Shown): Readonly<Record<string, unknown>> {
  if (alert === undefined) return { 'content-available': 1 }; // and nothing else: "Pushing background updates to your App"
  const quiet = isQuiet(token.quietHours, nowMs);
  return {
    alert,
    badge,
    ...(quiet ? { 'interruption-level': 'passive' } : { sound: 'default' }),
    ...(thread !== undefined && { 'thread-id': thread }),
    'mutable-content': 1, // the app may put what it fetches in place of the text
  };
}

/** Headers of APNs but those of the device. @see "Sending notification requests to APNs" */
export function apnsHeadersOf({ token, nowMs, expiresAtMs }: Push, { alert, collapseId }: Shown): Readonly<Record<string, string>> {
  const isShown = alert !== undefined;
  return {
    'apns-push-type': isShown ? 'alert' : 'background',
    'apns-priority': isShown && !isQuiet(token.quietHours, nowMs) ? '10' : '5',
    'apns-expiration': `${Math.floor(expiresAtMs / 1_000)}`,
    'apns-collapse-id': collapseId,
  };
}
