// What it costs to take uploads: docs/reference/benchmarks.md says what each figure means.
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { join } from 'node:path';
import { UploadRequest } from '../../src/gen/portico/v1/media.ts';
import { frame } from '../../src/transport/protocols/length-prefixed-messages.ts';
import { type Cores, openHarness } from './harness.ts';
import { type Done, inRounds, type Ratio, ratioOf } from './interleave.ts';
import type { Measured } from './process.ts';
import type { Result } from './result.ts';

const user = 'uploader';
const mebibyte = 1_048_576;
const bytes = 4 * mebibyte;
const chunkBytes = 65_536;
const atOnce = 8;

/** A JPEG by its first bytes; the rest is nothing that compresses. */
const content = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0]), randomBytesOf(bytes - 11)]);
const sha256 = createHash('sha256').update(content).digest();

type Contestant = { readonly name: string; readonly server: Pick<Measured, 'cpuSeconds'>; upload(): Promise<void>; clear(): void };

export async function media({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  const rounds = quick ? 2 : 11;
  const uploads = quick ? 8 : 64;
  await using harness = await openHarness(cores);
  await using open = new AsyncDisposableStack();
  const [ours, theirs] = [join(harness.folder, 'media'), join(harness.folder, 'h2')];
  for (const folder of [ours, theirs]) mkdirSync(folder);
  const portico = await harness.replica({ media: { folder: ours, bytesPerDay: Number.MAX_SAFE_INTEGER } });
  const h2 = await harness.contestant('upload-h2.ts', { BENCH_FOLDER: theirs });
  const sessionOf = (port: number) => {
    const session = connect(`https://localhost:${port}`, { ca: harness.ca, maxSessionMemory: 1_000 });
    open.defer(async () => session.close());
    return session;
  };
  const [toPortico, toH2] = [sessionOf(portico.port), sessionOf(h2.port)];
  const authorization = `Bearer ${await harness.token(user)}`;
  const conversation = await newConversation(toPortico, authorization);
  const clear = (folder: string) => () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
  };
  const grpc: Contestant = {
    name: 'grpc',
    server: portico,
    clear: clear(ours),
    upload: async () => {
      const headers = { ':path': '/portico.v1.MediaService/Upload', 'content-type': 'application/grpc', te: 'trailers', authorization };
      const { trailers } = await post(toPortico, headers, framed(conversation));
      if (trailers['grpc-status'] !== '0') throw new Error(`An upload failed: ${trailers['grpc-message']}`);
    },
  };
  const put: Contestant = {
    name: 'put',
    server: portico,
    clear: clear(ours),
    upload: async () => {
      const path = `/media/${randomUUID()}?conversation=${conversation}&sha256=${sha256.toString('hex')}`;
      const headers = { ':method': 'PUT', ':path': path, 'content-length': String(bytes), authorization };
      const { status, body } = await post(toPortico, headers, [content]);
      if (status !== 200) throw new Error(`A PUT failed: ${body}`);
    },
  };
  const bare: Contestant = {
    name: 'h2',
    server: h2,
    clear: clear(theirs),
    upload: async () => {
      const { body } = await post(toH2, { ':path': '/' }, [content]);
      if (body !== sha256.toString('hex')) throw new Error('The hash is another one.');
    },
  };
  const speeds = await inRounds([grpc, put, bare], { rounds, warmUps: 1 }, (contestant) => someUploads(contestant, uploads));
  const ratios: Record<string, Ratio> = { upload_vs_h2: ratioOf(speeds.grpc, speeds.h2), put_vs_h2: ratioOf(speeds.put, speeds.h2) };
  return {
    bench: 'media',
    ratios: Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median])),
    promises: { upload_vs_h2: { least: 0.6 } },
    said: [
      `${atOnce} uploads of ${bytes / mebibyte} MiB at once, ${rounds} rounds of ${uploads}. MiB for each second of the server's CPU:`,
      ...Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => `${name.padEnd(6)}${String(Math.round(callsPerCpuSecond)).padStart(8)}`),
    ],
    raw: { speeds, quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])) },
  };
}

/** Some uploads at once. In mebibytes. */
async function someUploads({ server, upload, clear }: Contestant, uploads: number): Promise<Done> {
  const before = server.cpuSeconds();
  let left = uploads;
  const work = async () => {
    while (left-- > 0) await upload();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const cpuSeconds = server.cpuSeconds() - before;
  clear();
  const good = (uploads * bytes) / mebibyte;
  return { good, calls: good, cpuSeconds };
}

async function newConversation(session: ClientHttp2Session, authorization: string): Promise<string> {
  const headers = { ':path': '/portico.v1.ChatService/CreateConversation', 'content-type': 'application/json', authorization };
  const wish = { kind: 'CONVERSATION_KIND_GROUP', userIds: ['friend'], title: 'bench', clientId: randomUUID() };
  const { status, body } = await post(session, headers, [Buffer.from(JSON.stringify(wish))]);
  if (status !== 200) throw new Error(body);
  return (JSON.parse(body) as { conversation: { id: string } }).conversation.id;
}

/** The frames of an upload. */
function framed(conversationId: string): readonly Uint8Array[] {
  const value = { attachmentId: randomUUID(), conversationId, sizeBytes: BigInt(bytes), sha256, offset: 0n, name: '' };
  return [frame(0, UploadRequest.encode({ message: { $case: 'start', value } }).finish()), ...chunks];
}

const chunks = Array.from({ length: bytes / chunkBytes }, (_, i) => {
  const value = content.subarray(i * chunkBytes, (i + 1) * chunkBytes);
  return frame(0, UploadRequest.encode({ message: { $case: 'chunk', value } }).finish());
});

type Came = { readonly status: number; readonly body: string; readonly trailers: Readonly<Record<string, unknown>> };

function post(session: ClientHttp2Session, headers: Readonly<Record<string, string>>, body: readonly Uint8Array[]): Promise<Came> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ...headers });
    const came = { status: 0, body: '', trailers: {} as Record<string, unknown> };
    stream.setEncoding('utf8');
    stream.on('response', (received) => {
      came.status = Number(received[':status']);
      Object.assign(came.trailers, received);
    });
    stream.on('trailers', (received) => Object.assign(came.trailers, received));
    stream.on('data', (text: string) => {
      came.body += text;
    });
    stream.on('error', reject);
    stream.on('close', () => resolve(came));
    for (const piece of body) stream.write(piece);
    stream.end();
  });
}

/** Bytes that look random, always the same. */
function randomBytesOf(length: number): Buffer {
  const block = createHash('sha512').update('bench').digest();
  return Buffer.alloc(length, block);
}
