import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Blobs, BlobWriter, ListedBlob } from '../../ports/blobs.ts';
import { faultOfStore, readWhole, type StoreErrors } from './blob-store-faults.ts';

/**
 * A part is a file, and its end an fsync: fewer of them are faster, and more of them lose less when a process is
 * killed.
 */
const blobBytesMax = 8_388_608;
/** Of one read of the disk: the size of a message of a download. */
const readBytes = 65_536;
/** So much is written at once: a write costs as much as many bytes, and each small chunk keeps some memory. */
const writtenBytesMin = 262_144;
const writtenChunksMax = 64;
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
    read: (name, from, to) =>
      readWhole(async () => createReadStream(pathOf(name), { start: from, end: to - 1, highWaterMark: readBytes }), to - from, errors),
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
  let chunks: Uint8Array[] = [];
  let bytesLeft = 0;
  const writeAll = async () => {
    while (bytesLeft > 0) {
      const { bytesWritten } = await handle.writev(chunks); // a disk that is almost full takes what still fits
      bytesLeft -= bytesWritten;
      chunks = behind(chunks, bytesWritten);
    }
    chunks = [];
  };
  return {
    write: async (bytes) => {
      chunks.push(bytes);
      bytesLeft += bytes.length;
      if (bytesLeft >= writtenBytesMin || chunks.length >= writtenChunksMax) await tried(writeAll);
    },
    finish: () =>
      tried(async () => {
        await writeAll();
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

/** What follows the first bytes of some chunks. */
function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let from = bytes;
  return chunks.flatMap((chunk) => {
    const left = chunk.subarray(from);
    from = Math.max(0, from - chunk.length);
    return left.length === 0 ? [] : [left];
  });
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

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';
const isMissing = (error: unknown) => codeOf(error) === 'ENOENT';
/** No room: the disk is full, or the quota, or the process may have no larger files. */
const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const errors: StoreErrors = { isMissing, isFull: (error) => full.has(codeOf(error)) };
const faultOf = (error: unknown) => faultOfStore(errors, error);
