import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Chatting } from '../../client/chat/state.ts';
import { textContent } from '../../client/chat/text-content.ts';
import type { Client } from '../../client/client.ts';
import type { Content } from '../../client/media/content.ts';
import type { Attachment } from '../../gen/portico/v1/media.ts';
import { clean } from './screen-contents.ts';

type Show = (lines: readonly string[]) => void;

/** Uploads a file, and sends it in a message. @returns lines for the user */
export async function attach(
  { media, chat }: Pick<Client, 'chat' | 'media'>,
  { conversationId, path }: { readonly conversationId: string; readonly path: string },
  show: Show,
): Promise<readonly string[]> {
  const content = fileContent(path);
  const name = clean(basename(path)).replaceAll('\\', '_');
  const attachmentId = randomUUID();
  const onProgress = (sent: number) => show([`${name}: ${percent(sent, content.sizeBytes)} sent`]);
  const { contentType } = await media.upload({ attachmentId, conversationId, content, name, onProgress });
  const what = { $case: 'message', value: { content: textContent('', [attachmentId]), replyToSeq: 0n } } as const;
  chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId: randomUUID(), what } } });
  return [`${name} is uploaded: ${contentType}, ${sizeText(content.sizeBytes)}.`];
}

/** Downloads an attachment into a new file. @param path a folder, or the file. @returns lines for the user */
export async function save(
  { media }: Pick<Client, 'media'>,
  { attachment: { id, name, sizeBytes }, path }: { readonly attachment: Attachment; readonly path: string },
  show: Show,
): Promise<readonly string[]> {
  const folder = path === '' ? '.' : path;
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false, // it is a file to be
  );
  const file = resolve(isFolder ? join(folder, unusedIn(folder, safeName(name, id))) : folder);
  const to = await open(file, 'wx', 0o600);
  try {
    const write = async (bytes: Uint8Array, offset: number) => {
      await to.writeFile(bytes);
      show([`${basename(file)}: ${percent(offset + bytes.length, Number(sizeBytes))} received`]);
    };
    await media.download({ attachmentId: id, write });
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await to.close();
  }
  return [`${file} is saved.`];
}

/** Attachments of a conversation, the newest first. */
export function attachmentsIn({ events }: Pick<Chatting, 'events'>): readonly Attachment[] {
  return events.flatMap(({ what }) => (what?.$case === 'message' ? (what.value.content?.attachments ?? []) : [])).reverse();
}

/** "photo.jpg, image/jpeg, 1.2 MiB" */
export function attachmentText({ name, contentType, sizeBytes }: Attachment): string {
  return [...(name === '' ? [] : [name]), contentType, sizeText(Number(sizeBytes))].join(', ');
}

export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function percent(part: number, whole: number): string {
  return `${Math.floor((100 * part) / Math.max(1, whole))} %`;
}

function fileContent(path: string): Content {
  return { sizeBytes: statSync(path).size, open: (offset) => createReadStream(path, { start: offset }) };
}

/** Another user has given the name: it leads to no other folder, and is not hidden. */
function safeName(name: string, id: string): string {
  const safe = clean(name)
    .replace(/[/\\]/g, '_')
    .replace(/^[.\s]+/, '');
  return safe === '' ? `attachment-${id.slice(0, 8)}` : safe;
}

/** "photo.jpg", "2-photo.jpg", … */
function unusedIn(folder: string, name: string): string {
  for (let n = 1; ; n++) {
    const numbered = n === 1 ? name : `${n}-${name}`;
    if (!existsSync(join(folder, numbered))) return numbered;
  }
}
