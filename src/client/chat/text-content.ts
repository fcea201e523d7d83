import type { Content } from '../../gen/portico/v1/chat.ts';

/** What a message of text alone says. */
export function textContent(text: string): Content {
  return { text, data: new Uint8Array(0), attachments: [] };
}
