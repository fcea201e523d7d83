import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { policyBytes } from './compile-plans.ts';

/** Full names of the services with a policy on some method: those for clients or for the internal listener. */
export function servicesWithPolicies(descriptorSet: Uint8Array): ReadonlySet<string> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const services = [...registry.files].flatMap((file) => file.services);
  return new Set(services.filter(({ methods }) => methods.some((method) => policyBytes(method) !== undefined)).map(({ typeName }) => typeName));
}
