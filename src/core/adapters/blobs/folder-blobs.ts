import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '../../kit/fault.ts';
import type { Blobs, BlobWriter, ListedBlob } from '../../ports/blobs.ts';

/**
 * A part is a file, and its end an fsync: fewer of them are faster, and more of them lose less when a process is
 * killed.
 */
const blobBytesMax = 8_388_608;
/** Of one read of the disk: the size of a message of a download. */
const readBytes = 65_536;
/** A file that is being written has this at the end of its name. */
const unfinished = '.new';

/**
 * Blobs as files of a folder, which one replica has, or several share: a file is written under another name, then
 * renamed. The first two characters of a name are a folder of their own, and so is what is before its "/".
 */
export function folderBlobs(folder: string): Blobs {
  const pathOf = (name: string) => join(folder, name.slice(0, 2), name);
  return {
    blobBytesMax,
    create: (name) => createFile(pathOf(name)),
    async *read(name, from, to) {
      if (to === from) return;
      let left = to - from;
      try {
        for await (const chunk of createReadStream(pathOf(name), { start: from, end: to - 1, highWaterMark: readBytes })) {
          left -= (chunk as Buffer).length;
          yield chunk as Buffer;
        }
      } catch (error) {
        throw isMissing(error) ? lostBlob(error) : faultOf(error);
      }
      if (left > 0) throw lostBlob();
    },
    delete: async (names) => {
      for (const name of names) {
        try {
          await rm(pathOf(name), { force: true });
        } catch (error) {
          throw faultOf(error);
        }
      }
    },
    list: async (after, most) => {
      try {
        return await listFolder(folder, after, most);
      } catch (error) {
        if (isMissing(error)) return []; // nothing was stored yet
        throw faultOf(error);
      }
    },
  };
}

async function createFile(path: string): Promise<BlobWriter> {
  const started = `${path}${unfinished}`;
  let handle: FileHandle;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    handle = await open(started, 'wx', 0o600);
  } catch (error) {
    throw faultOf(error);
  }
  const tried = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      throw faultOf(error);
    }
  };
  return {
    write: (bytes) => tried(() => handle.writeFile(bytes)),
    finish: () =>
      tried(async () => {
        await handle.sync();
        await handle.close();
        await rename(started, path);
      }),
    abort: async () => {
      await handle.close().catch(() => {}); // it may be closed already
      await rm(started, { force: true }).catch(() => {}); // what is left is listed, and collected
    },
  };
}

/** Two levels of folders, in the order of names. Files that are being written are listed, too. */
async function listFolder(folder: string, after: string, most: number): Promise<readonly ListedBlob[]> {
  const found: ListedBlob[] = [];
  for (const first of await sorted(folder)) {
    if (first < after.slice(0, 2)) continue;
    for (const second of await sorted(join(folder, first), '/')) {
      if (`${second}/` < after.slice(0, second.length + 1)) continue;
      for (const last of await sorted(join(folder, first, second))) {
        const name = `${second}/${last}`;
        if (name <= after) continue;
        const changed = await stat(join(folder, first, name)).catch(() => undefined); // deleted meanwhile
        if (changed === undefined) continue;
        found.push({ name, changedAtMs: Math.floor(changed.mtimeMs) });
        if (found.length === most) return found;
      }
    }
  }
  return found;
}

/** @param end what follows in a name */
async function sorted(folder: string, end = ''): Promise<readonly string[]> {
  const names = (await readdir(folder)).map((name) => name + end).sort();
  return names.map((name) => name.slice(0, name.length - end.length));
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

function lostBlob(cause?: unknown): Fault {
  return new Fault('ATTACHMENT_LOST', 'The store has lost the content.', { cause });
}

/** No room: the disk is full, or the quota, or the process may have no larger files. */
const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

function faultOf(cause: unknown): Fault {
  return full.has((cause as NodeJS.ErrnoException).code ?? '')
    ? new Fault('MEDIA_FULL', 'The store of attachments is full.', { retryAfterMs: 60_000, cause })
    : new Fault('MEDIA_DOWN', 'The store of attachments cannot do it now.', { retryAfterMs: 1_000, cause });
}
