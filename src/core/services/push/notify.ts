import { ruleBroken } from '../../kit/fault.ts';
import { expireMsMax, noticeBytesMax } from '../../ports/push-limits.ts';
import type { Notify, PushQueue } from '../../ports/push-queue.ts';

/** Notices by a name, in which their request ids are unique. */
export type NotifyBy = (name: string) => Notify;

/** @param queue undefined: nothing is pushed */
export function notifyBy(queue: Pick<PushQueue, 'notify'> | undefined, usual: { readonly expireMs: number }): NotifyBy {
  return (name) =>
    async (userId, { requestId = '', title = '', body = '', data = {}, collapseId = '', expireMs = usual.expireMs }) => {
      const named = { user_id: [userId], request_id: [requestId], title: [title], body: [body], data: Object.entries(data).flat() };
      for (const [field, texts] of Object.entries(named))
        if (!texts.every(isKept)) throw ruleBroken(field, 'must not contain the character U+0000 or half a character');
      if (userId === '' || userId.length > 200) throw ruleBroken('user_id', 'must have 1 to 200 characters');
      if (requestId.length > 100) throw ruleBroken('request_id', 'must have at most 100 characters');
      const { title: titleMax, body: bodyMax, data: dataMax } = noticeBytesMax;
      const sized = { title: [title, titleMax], body: [body, bodyMax], data: [JSON.stringify(data), dataMax] } as const;
      for (const [field, [text, most]] of Object.entries(sized))
        if (Buffer.byteLength(JSON.stringify(text)) > most) throw ruleBroken(field, `must have at most ${most} bytes as JSON`);
      if (!/^[!-~]{0,64}$/.test(collapseId)) throw ruleBroken('collapse_id', 'must have at most 64 printable ASCII characters');
      if (!(expireMs >= 1_000 && expireMs <= expireMsMax)) throw ruleBroken('expire', 'must be from 1s to 672h');
      if (queue === undefined) return 0;
      const requestKey = requestId === '' ? undefined : JSON.stringify([name, userId, requestId]);
      return queue.notify(userId, { title, body, data, collapseId }, { requestKey, expireMs });
    };
}

/** PostgreSQL keeps neither U+0000 nor half a character. */
function isKept(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
