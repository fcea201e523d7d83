// The suite's own server, as an upstream behind Portico: gRPC over plain HTTP/2.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { delimited, readDelimited } from './delimited.ts';

/** A program that serves, until it is disposed of. */
export type Upstream = AsyncDisposable & {
  /** "127.0.0.1:41234" */
  readonly address: string;
};

/** Of ServerCompatRequest: protocol, HTTP version, and their values for gRPC over HTTP/2. */
const [protocolField, versionField, grpc, http2] = [1, 2, 2, 2];
/** Of ServerCompatResponse. */
const portField = 2;

export async function openReferenceServer(program: string): Promise<Upstream> {
  const child = spawn(program, ['-bind', '127.0.0.1'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ask = new BinaryWriter().tag(protocolField, WireType.Varint).int32(grpc).tag(versionField, WireType.Varint).int32(http2);
  child.stdin.end(delimited(ask.finish()));
  let port = 0;
  for (const reader = new BinaryReader(await readDelimited(child.stdout)); reader.pos < reader.len; ) {
    const [field, type] = reader.tag();
    if (field === portField) port = reader.uint32();
    else reader.skip(type, field);
  }
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
