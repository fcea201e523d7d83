import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../ports/log.ts';
import type { PushSender } from '../../ports/push-sender.ts';
import { fcmDataOf, type PushText, shownOf } from './push-payloads.ts';

/** Bytes of a file: one that no client reads grows no further. */
const fileBytesMax = 65_536;

/** The name of a file in the folder that is a token of Firebase. */
export const folderToken = /^terminal-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * Gives pushes to terminal clients on this machine, and then to the next sender. Such a client registers the name of a
 * file in the folder, which it has made, as its token of Firebase: each push is a line of JSON there, with what an app
 * on Android is given.
 */
export function folderSender(folder: string, text: PushText, next: PushSender): PushSender {
  return {
    ...next,
    send: async (push, signal) => {
      if (folderToken.test(push.token.token)) await append(join(folder, push.token.token), JSON.stringify(fcmDataOf(push, shownOf(push, text))));
      return next.send(push, signal);
    },
  };
}

async function append(file: string, line: string): Promise<void> {
  try {
    await using handle = await open(file, constants.O_WRONLY | constants.O_APPEND); // of a client that has ended there is none
    if ((await handle.stat()).size < fileBytesMax) await handle.write(`${line}\n`);
  } catch {
    // like a device that is off: whether a platform delivers a push is not known either
  }
}

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
