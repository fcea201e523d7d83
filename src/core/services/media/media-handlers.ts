import { Metadata } from 'nice-grpc-common';
import { DownloadByLinkRequest, DownloadRequest, MediaServiceDefinition, UploadResponse } from '../../../gen/portico/v1/media.ts';
import { Fault } from '../../kit/fault.ts';
import { readRequest } from '../../kit/ts-proto.ts';
import type { Found } from '../../ports/attachments.ts';
import type { Answer, Handler } from '../../ports/call.ts';
import type { LinkTokens } from '../../ports/link-tokens.ts';
import { userOf } from '../../streams/stream-service.ts';
import { serviceHandlers } from '../service-handlers.ts';
import { openUploadPlaces, type PlacesMax } from './concurrent-uploads.ts';
import { attachmentOut, sendContent } from './download.ts';
import { storedOf, takeUpload, type UploadParts } from './upload.ts';

export type MediaParts = UploadParts & {
  readonly links: LinkTokens;
  readonly linkMs: number;
  readonly places: PlacesMax;
};

const { fullName, methods } = MediaServiceDefinition;
const { upload, download, downloadByLink, ...unary } = methods;

/** The handlers of portico.v1.MediaService, by method. */
export function mediaHandlers(parts: MediaParts): Readonly<Record<string, Handler>> {
  const { attachments, blobs, clock, links, linkMs } = parts;
  const inPlace = openUploadPlaces(parts.places);
  const found = async (id: string, userId: string): Promise<Found> => {
    const one = await attachments.find(id.toLowerCase(), userId);
    if (one === undefined) throw unknownAttachment();
    return one;
  };
  const sent = async (...[one, wish]: [Found, Parameters<typeof sendContent>[2]]): Promise<Answer> => ({
    metadata: Metadata(),
    body: sendContent(blobs, one, wish),
    trailers: Metadata(),
  });
  return {
    ...serviceHandlers(
      { ...MediaServiceDefinition, methods: unary },
      {
        getUpload: async ({ attachmentId }, call) => {
          const begun = await attachments.upload(attachmentId.toLowerCase(), userOf(call).userId);
          if (begun === undefined) throw unknownAttachment();
          const { sizeBytes, attachment } = begun;
          return { offset: BigInt(storedOf(begun)), sizeBytes: BigInt(sizeBytes), attachment: attachment && attachmentOut(attachment) };
        },
        createLink: async ({ attachmentId }, call) => {
          const { userId, sessionId } = userOf(call);
          const { attachment } = await found(attachmentId, userId);
          const token = await links.mint({ attachmentId: attachment.id, userId, sessionId });
          return { path: `/media/${attachment.id}?link=${token}`, expiresAt: new Date(clock.nowMs() + linkMs) };
        },
      },
    ),
    [`${fullName}/${upload.name}`]: async (call) => {
      const { userId } = userOf(call);
      const attachment = await inPlace(userId, () => takeUpload(call, userId, parts));
      return { metadata: Metadata(), body: UploadResponse.encode({ attachment: attachmentOut(attachment) }).finish(), trailers: Metadata() };
    },
    [`${fullName}/${download.name}`]: async (call) => {
      const wish = readRequest(DownloadRequest, call.requestBytes);
      return sent(await found(wish.attachmentId, userOf(call).userId), wish);
    },
    [`${fullName}/${downloadByLink.name}`]: async (call) => {
      const wish = readRequest(DownloadByLinkRequest, call.requestBytes);
      const { attachmentId, userId } = await links.verify(wish.link);
      if (attachmentId !== wish.attachmentId.toLowerCase()) throw new Fault('LINK_INVALID', 'The link is none of this attachment.');
      return sent(await found(attachmentId, userId), wish);
    },
  };
}

function unknownAttachment(): Fault {
  return new Fault('ATTACHMENT_UNKNOWN', 'There is no such attachment, or you may not see it.');
}
