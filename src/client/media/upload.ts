import type { Clock } from '../../core/kit/clock.ts';
import { type Attachment, MediaServiceDefinition, type UploadStart } from '../../gen/portico/v1/media.ts';
import { asCallError, CallError } from '../call-error.ts';
import type { Calls } from '../calls.ts';
import type { MediaTransport } from '../transport.ts';
import { type Content, hashOf, piecesOf } from './content.ts';
import { initialUpload, type UploadAction, type UploadEvent, uploadStep } from './upload-step.ts';

/** An attachment to be uploaded. */
export type UploadWish = {
  /** A new UUID. Kept with the content, it resumes the upload in a later process. */
  readonly attachmentId: string;
  /** In which the message will be sent. */
  readonly conversationId: string;
  readonly content: Content;
  /** A file name for those who save it. */
  readonly name?: string;
  /** SHA-256 of the content, where it is known. Unset: it is computed, which reads all of it. */
  readonly sha256?: Uint8Array;
  /** An earlier process may have begun it. */
  readonly resumes?: boolean;
  /** How many bytes the transport has taken. After a cut it goes back to what the server has. */
  readonly onProgress?: (sentBytes: number) => void;
  /** Cancels it: what was stored can be resumed for a day. */
  readonly signal?: AbortSignal;
};

export type UploadParts = {
  readonly transport: MediaTransport;
  readonly calls: Pick<Calls, 'authorized' | 'once'>;
  readonly clock: Clock;
  readonly random: () => number;
};

/** An upload under way. */
export type Upload = {
  /** Rejects with CallError. */
  readonly done: Promise<Attachment>;
  dispatch(event: UploadEvent): void;
};

/** Gives the machine of upload-step.ts its calls and its timer. */
export function openUpload({ content, resumes = false, signal, ...wish }: UploadWish, { transport, calls, clock, random }: UploadParts): Upload {
  const { promise, resolve, reject } = Promise.withResolvers<Attachment>();
  let state = initialUpload;
  let announcing: Promise<UploadStart> | undefined;
  let attachment: Attachment | undefined;
  let failure: CallError | undefined;
  /** Ends the call or the wait under way. */
  let end = () => {};

  const dispatch = (event: UploadEvent) => {
    const next = uploadStep(state, event, random());
    state = next.state;
    next.actions.forEach(act);
  };
  /** Runs a call whose end is an event, unless it was ended before. */
  const run = (call: (signal: AbortSignal) => Promise<UploadEvent>) => {
    const ended = new AbortController();
    end = () => ended.abort();
    void call(ended.signal)
      .catch((error: unknown) => failedBy(asCallError(error)))
      .then((event) => {
        if (!ended.signal.aborted) dispatch(event);
      });
  };
  const failedBy = (error: CallError): UploadEvent => {
    failure = error;
    const { code, reason, retryAfterMs, metadata } = error;
    const offset = metadata.get('offset');
    return { type: 'failed', code, reason, retryAfterMs, offset: offset === undefined ? undefined : Number(offset) };
  };
  const act = (action: UploadAction) => {
    switch (action.do) {
      case 'upload':
        run(async (ended) => {
          announcing ??= announced(wish, content, transport);
          return upload(await announcing, action.offset, ended);
        });
        break;
      case 'ask':
        run(ask);
        break;
      case 'wait':
        end = clock.after(action.ms, () => dispatch({ type: 'retry' }));
        break;
      case 'end':
        end();
        break;
      case 'done':
        resolve(attachment as Attachment);
        break;
      case 'fail':
        reject(failure !== undefined && [failure.reason, failure.code].includes(action.reason) ? failure : cancelled());
    }
  };
  const upload = async (announcement: UploadStart, offset: number, ended: AbortSignal): Promise<UploadEvent> => {
    let unread: CallError | undefined;
    const bytes = async function* () {
      let sent = offset;
      wish.onProgress?.(sent);
      try {
        for await (const piece of piecesOf(content, offset)) {
          yield piece;
          sent += piece.length;
          if (!ended.aborted) wish.onProgress?.(sent);
        }
      } catch (error) {
        unread = asCallError(error);
        throw error;
      }
    };
    try {
      const from = { ...announcement, offset: BigInt(offset) };
      attachment = await calls.authorized((headers, signal) => transport.upload(from, bytes(), { headers, signal }), ended);
      return { type: 'uploaded' };
    } catch (error) {
      throw unread ?? error;
    }
  };
  const ask = async (ended: AbortSignal): Promise<UploadEvent> => {
    const { fullName, methods } = MediaServiceDefinition;
    const request = methods.getUpload.requestType.encode({ attachmentId: wish.attachmentId }).finish();
    const { message } = await calls.once(`${fullName}/${methods.getUpload.name}`, request, {}, ended);
    const stored = methods.getUpload.responseType.decode(message);
    attachment = stored.attachment;
    return { type: 'stored', offset: Number(stored.offset), complete: attachment !== undefined };
  };

  const cancel = () => dispatch({ type: 'cancel' });
  signal?.addEventListener('abort', cancel, { once: true });
  const done = promise.finally(() => signal?.removeEventListener('abort', cancel));
  dispatch(signal?.aborted ? { type: 'cancel' } : { type: 'start', resumes });
  return { done, dispatch };
}

const cancelled = () => new CallError('CANCELLED', 'The upload was cancelled, or its session has ended.');

async function announced(
  { attachmentId, conversationId, name = '', sha256 }: Omit<UploadWish, 'content'>,
  content: Content,
  { sha256: openHash }: MediaTransport,
): Promise<UploadStart> {
  const hash = sha256 ?? (await hashOf(content, openHash()));
  return { attachmentId, conversationId, sizeBytes: BigInt(content.sizeBytes), sha256: hash, offset: 0n, name };
}
