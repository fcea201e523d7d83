// What the suite starts as the server under test: it says where the server is that runs already, and waits to be ended.
// announce.ts PLAIN-PORT TLS-PORT CA-FILE
import { readFileSync } from 'node:fs';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { delimited, readDelimited } from './delimited.ts';

const [plainPort, tlsPort, caFile = ''] = process.argv.slice(2);

/** The fields of ServerCompatRequest and ServerCompatResponse that matter here. */
const useTlsField = 4;
const [hostField, portField, certificateField] = [1, 2, 3];

const useTls = boolField(await readDelimited(process.stdin), useTlsField);
const answer = new BinaryWriter().tag(hostField, WireType.LengthDelimited).string('localhost');
answer.tag(portField, WireType.Varint).uint32(Number(useTls ? tlsPort : plainPort));
if (useTls) answer.tag(certificateField, WireType.LengthDelimited).bytes(readFileSync(caFile));
process.stdout.write(delimited(answer.finish()));
process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 60_000);

function boolField(message: Uint8Array, wanted: number): boolean {
  let found = false;
  for (const reader = new BinaryReader(message); reader.pos < reader.len; ) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.Varint) found = reader.bool();
    else reader.skip(type, field);
  }
  return found;
}
