// A server that speaks S3, in a process of its own: gofakes3, from the Go module proxy, built once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { BucketPlace } from '../../../src/core/adapters/blobs/bucket-blobs.ts';
import { builtOnce } from '../built-once.ts';
import { needed, run } from '../programs/programs.ts';
import { goNeeded, newEnough } from '../programs/toolchains.ts';

const root = resolve(import.meta.dirname, '../../..');
const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' };
/** The longest that a first build may take: it downloads modules. Milliseconds. */
const mostMs = 600_000;

export type S3Server = AsyncDisposable & {
  /** Of a new bucket. */
  bucket(name: string): Promise<BucketPlace>;
  close(): Promise<void>;
};

export async function openS3Server(): Promise<S3Server> {
  const go = needed('go', goNeeded);
  const version = await run(go, ['version'], { env });
  newEnough(version, /go(\d+)\.(\d+)/, [1, 26], goNeeded);
  const folder = await builtOnce('s3', ['test/support/s3/go'], version, async (to) => {
    await run(go, ['build', '-o', join(to, 's3'), '.'], { cwd: join(root, 'test/support/s3/go'), env, mostMs });
  });
  const child = spawn(join(folder, 's3'), { stdio: ['pipe', 'pipe', 'inherit'] });
  const [endpoint] = (await once(createInterface(child.stdout), 'line')) as [string];
  const place = { prefix: 'media/', region: 'eu-west-1', endpoint, pathStyle: true, credentials: { accessKeyId: 'key', secretAccessKey: 'secret' } };
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.stdin.end(); // it ends with its input
    await ended;
  };
  return {
    bucket: async (name) => {
      const client = new S3Client({ region: place.region, endpoint, forcePathStyle: true, credentials: place.credentials });
      await client.send(new CreateBucketCommand({ Bucket: name }));
      client.destroy();
      return { name, ...place };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
