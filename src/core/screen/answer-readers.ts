import type { FileRegistry } from '@bufbuild/protobuf';
import { oneReading } from '../kit/ambiguous-bytes.ts';
import type { MethodDefinition, ServiceDefinition } from '../kit/ts-proto.ts';

/** Decodes the answer of an internal service's method. @throws Error when it cannot be decoded, or is ambiguous */
export type AnswerReaders = ReadonlyMap<MethodDefinition, (bytes: Uint8Array) => unknown>;

/**
 * Answers of internal services are decoded by the rules of protobuf: repeated occurrences of a message field are
 * merged.
 * @param services by the name of the upstream
 * @throws Error when a service, or one of its methods, is in no .proto of this release
 */
export function answerReaders(services: Readonly<Record<string, ServiceDefinition>>, registry: FileRegistry): AnswerReaders {
  const readers = new Map<MethodDefinition, (bytes: Uint8Array) => unknown>();
  for (const { fullName, methods } of Object.values(services)) {
    for (const definition of Object.values(methods)) {
      const output = registry.getService(fullName)?.methods.find(({ name }) => name === definition.name)?.output;
      if (output === undefined) throw new Error(`${fullName}/${definition.name} is in no .proto of this release: run \`npm run generate\`.`);
      const read = oneReading(output);
      readers.set(definition, (bytes) => definition.responseType.decode(read(bytes)));
    }
  }
  return readers;
}
