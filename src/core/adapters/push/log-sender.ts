import type { Log } from '../../ports/log.ts';
import type { PushSender } from '../../ports/push-sender.ts';

/** Writes pushes to the log instead of sending them: for dev. */
export function logSender(log: Log): PushSender {
  return {
    send: async ({ token: { provider }, sessionId, content, badge }) => {
      const said =
        content.kind === 'notice'
          ? { title: content.notice.title, body: content.notice.body }
          : { conversation_id: content.conversationId, seq: content.seq, ...(content.kind === 'message' && { text: content.text }) };
      log.info(`Push (${content.kind}) to a device by ${provider}.`, { session_id: sessionId, ...said, badge });
      return { kind: 'sent' };
    },
    close: async () => {},
  };
}
