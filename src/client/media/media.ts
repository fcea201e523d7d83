import type { Clock } from '../../core/kit/clock.ts';
import { type Attachment, type CreateLinkResponse, MediaServiceDefinition } from '../../gen/portico/v1/media.ts';
import type { Calls } from '../calls.ts';
import type { MediaTransport } from '../transport.ts';
import { type DownloadWish, download } from './download.ts';
import { openNetwork } from './network.ts';
import { openUpload, type Upload, type UploadWish } from './upload.ts';

/** The attachments of an app: docs/mobile/attachments.md. */
export type Media = {
  /**
   * Uploads an attachment to a conversation, and resumes after a cut. A message may name it then.
   * @throws CallError
   */
  upload(wish: UploadWish): Promise<Attachment>;
  /** Downloads an attachment, or a part of it, and resumes after a cut. @throws CallError, or what `write` throws */
  download(wish: DownloadWish): Promise<Attachment>;
  /** A link for an image view or a browser, which works for some minutes without a token. @throws CallError */
  link(attachmentId: string): Promise<CreateLinkResponse>;
};

export type OpenMedia = Media & {
  networkFound(): void;
  networkLost(): void;
  /** Cancels all: another user must not send it. */
  clear(): void;
};

type MediaParts = {
  readonly transport: MediaTransport;
  readonly calls: Pick<Calls, 'authorized' | 'call' | 'once'>;
  readonly clock: Clock;
  readonly random: () => number;
};

export function openMedia(parts: MediaParts): OpenMedia {
  const network = openNetwork(parts.clock);
  const uploads = new Set<Upload>();
  let cleared = new AbortController();
  return {
    upload: async (wish) => {
      const upload = openUpload(wish, parts);
      if (network.isLost) upload.dispatch({ type: 'networkLost' });
      uploads.add(upload);
      try {
        return await upload.done;
      } finally {
        uploads.delete(upload);
      }
    },
    download: (wish) =>
      download({ ...wish, signal: AbortSignal.any([cleared.signal, ...(wish.signal === undefined ? [] : [wish.signal])]) }, { ...parts, network }),
    link: (attachmentId) => parts.calls.call(MediaServiceDefinition, 'createLink', { attachmentId }),
    networkFound: () => {
      network.found();
      for (const { dispatch } of uploads) dispatch({ type: 'networkFound' });
    },
    networkLost: () => {
      network.lost();
      for (const { dispatch } of uploads) dispatch({ type: 'networkLost' });
    },
    clear: () => {
      cleared.abort();
      cleared = new AbortController();
      for (const { dispatch } of [...uploads]) dispatch({ type: 'cancel' });
    },
  };
}
