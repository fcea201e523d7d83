// A release of foreign services: their descriptors as they are, with a policy put on every method.
import { create, createFileRegistry, fromBinary, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import type { Release } from '../../src/release/release.ts';
import { fixtureRelease } from '../support/server/test-server.ts';

const fixture = fromBinary(FileDescriptorSetSchema, fixtureRelease.descriptorSet);
/** Core's own services and messages, without those of the fixture. */
const ours = { ...fixture, file: fixture.file.filter(({ name }) => !name.startsWith('fixture/')) };
const policy = createFileRegistry(ours).getMessage('portico.v1.Policy');

/**
 * Core's own services and those of a package.
 * @param foreign a FileDescriptorSet
 * @param services their full names
 * @param policyOf the policy of a method ("package.Service/Method"), in ProtoJSON
 */
export function releaseOf(foreign: Uint8Array, services: readonly string[], policyOf: (method: string) => JsonObject): Release {
  if (policy === undefined) throw new Error('portico.v1.Policy is not among the descriptors of the fixture.');
  const { file: files } = fromBinary(FileDescriptorSetSchema, foreign);
  for (const file of files)
    for (const service of file.service) {
      const name = `${file.package}.${service.name}`;
      if (!services.includes(name)) continue;
      for (const method of service.method) {
        const bytes = toBinary(policy, fromJson(policy, policyOf(`${name}/${method.name}`)));
        method.options ??= create(MethodOptionsSchema);
        const field = { no: policyExtension, wireType: WireType.LengthDelimited, data: new BinaryWriter().bytes(bytes).finish() };
        method.options.$unknown = [...(method.options.$unknown ?? []), field];
      }
    }
  const known = new Set(ours.file.map(({ name }) => name));
  const file = [...ours.file, ...files.filter(({ name }) => !known.has(name))];
  return { ...fixtureRelease, descriptorSet: toBinary(FileDescriptorSetSchema, { ...ours, file }), sources: () => undefined };
}

/** The number of `portico.v1.policy` among the options of a method. */
const policyExtension = 50001;
