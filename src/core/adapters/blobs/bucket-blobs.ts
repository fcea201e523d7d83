import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Blobs, BlobWriter } from '../../ports/blobs.ts';
import { faultOfStore, readWhole, type StoreErrors } from './blob-store-faults.ts';

/** A bucket of a server that speaks S3. */
export type BucketPlace = {
  readonly name: string;
  /** Before the names of all blobs. */
  readonly prefix: string;
  readonly region: string;
  /** Undefined: that of AWS for the region. */
  readonly endpoint: string | undefined;
  /** The bucket is in the path of a URL, not in its host. */
  readonly pathStyle: boolean;
  /** Undefined: the standard chain of the SDK, which has the identity of a workload among others. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
};

/** A part is an object, kept in memory until it is whole: each call that uploads holds so much at most. */
const blobBytesMax = 1_048_576;
const connectionTimeoutMs = 5_000;
/** Without an answer, or without a byte of one. */
const requestTimeoutMs = 20_000;
const attemptsMax = 3;
/** Deletions at once. Some servers know no deletion of several. */
const atOnceMax = 10;
/** ListObjectsV2 gives no more. */
const listedMax = 1_000;

/** Blobs as objects of a bucket. */
export function bucketBlobs({ name: Bucket, prefix, region, endpoint, pathStyle, credentials }: BucketPlace): Blobs & { close(): void } {
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
    forcePathStyle: pathStyle,
    maxAttempts: attemptsMax,
    requestHandler: { connectionTimeout: connectionTimeoutMs, requestTimeout: requestTimeoutMs, throwOnRequestTimeout: true },
    // checksums of its own are the newest part of S3, which other servers lack; the hash of a content is checked anyway
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const keyOf = (name: string) => prefix + name;
  return {
    blobBytesMax,
    create: async (name) => createObject((Body) => client.send(new PutObjectCommand({ Bucket, Key: keyOf(name), Body, ContentLength: Body.length }))),
    read: (name, from, to) => {
      const open = async () => {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: keyOf(name), Range: `bytes=${from}-${to - 1}` }));
        return Body as AsyncIterable<Buffer>;
      };
      return readWhole(open, to - from, errors);
    },
    delete: async (names) => {
      for (let at = 0; at < names.length; at += atOnceMax) {
        const some = names.slice(at, at + atOnceMax).map((name) => client.send(new DeleteObjectCommand({ Bucket, Key: keyOf(name) })));
        for (const { reason } of (await Promise.allSettled(some)).filter((settled) => settled.status === 'rejected'))
          if (!isMissing(reason)) throw faultOf(reason);
      }
    },
    list: async (after, most) => {
      try {
        const wish = { Bucket, Prefix: prefix, MaxKeys: Math.min(most, listedMax), ...(after !== '' && { StartAfter: keyOf(after) }) };
        const { Contents = [] } = await client.send(new ListObjectsV2Command(wish));
        return Contents.map(({ Key = '', LastModified }) => ({ name: Key.slice(prefix.length), changedAtMs: LastModified?.getTime() ?? 0 }));
      } catch (error) {
        throw faultOf(error);
      }
    },
    close: () => client.destroy(),
  };
}

function createObject(put: (body: Buffer) => Promise<unknown>): BlobWriter {
  let chunks: Uint8Array[] = [];
  return {
    write: async (bytes) => void chunks.push(bytes),
    finish: async () => {
      const body = Buffer.concat(chunks);
      chunks = [];
      try {
        await put(body);
      } catch (error) {
        throw faultOf(error);
      }
    },
    abort: async () => {
      chunks = [];
    },
  };
}

const nameOf = (error: unknown) => String((error as { name?: unknown }).name);
const statusOf = (error: unknown) => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
/** A bucket that is not there is no lost object. A range beyond the end of an object is one. */
const isMissing = (error: unknown) => nameOf(error) === 'NoSuchKey' || nameOf(error) === 'InvalidRange';
/** HTTP 507 (RFC 4918), and what servers answer beyond a quota. */
const isFull = (error: unknown) => statusOf(error) === 507 || /quota|storagefull|insufficientstorage/i.test(nameOf(error));
const errors: StoreErrors = { isMissing, isFull };
const faultOf = (error: unknown) => faultOfStore(errors, error);
