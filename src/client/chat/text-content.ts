import type { Content } from '../../gen/portico/v1/chat.ts';
import { Attachment } from '../../gen/portico/v1/media.ts';

/** What a message of text says. @param attachmentIds of complete uploads of this user to the conversation */
export function textContent(text: string, attachmentIds: readonly string[] = []): Content {
  return { text, data: new Uint8Array(0), attachments: attachmentIds.map((id) => Attachment.fromPartial({ id })) };
}
