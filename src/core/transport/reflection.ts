import { type DescFile, type FileRegistry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Metadata } from 'nice-grpc-common';
import { ServerReflectionRequest, ServerReflectionResponse } from '../../gen/grpc/reflection/v1/reflection.ts';
import type { CallRequest } from '../ports/call.ts';
import { openPlan } from './open-plan.ts';
import type { Served } from './served.ts';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** google.rpc.Code */
const [notFound, unimplemented] = [5, 12];
/** The bound of an unknown symbol in an error. Characters. */
const toldMax = 200;

/**
 * grpc.reflection.v1 (grpc/grpc, doc/server-reflection.md), for tools such as grpcurl.
 * @param services full names of the described services
 */
export function reflectionMethods(registry: FileRegistry, services: readonly string[]): readonly Served[] {
  const plan = openPlan(registry, 'grpc.reflection.v1.ServerReflection', 'ServerReflectionInfo');
  if (plan === undefined) throw new Error('grpc.reflection.v1.ServerReflection is not among the protos.');
  const told = filesBelow(registry, services);
  return [{ plan, answer: ({ request }) => ({ metadata: Metadata(), body: answers(request, told, registry, services), trailers: Metadata() }) }];
}

async function* answers(
  request: CallRequest,
  told: ReadonlySet<DescFile>,
  registry: FileRegistry,
  services: readonly string[],
): AsyncGenerator<Uint8Array> {
  for await (const bytes of request.each()) {
    const originalRequest = ServerReflectionRequest.decode(bytes);
    const messageResponse = answerTo(originalRequest.messageRequest, told, registry, services);
    yield ServerReflectionResponse.encode({ validHost: originalRequest.host, originalRequest, messageResponse }).finish();
  }
}

function answerTo(
  asked: ServerReflectionRequest['messageRequest'],
  told: ReadonlySet<DescFile>,
  registry: FileRegistry,
  services: readonly string[],
): Answer {
  const fileOf = (file: DescFile | undefined, what: string): Answer => {
    if (file === undefined || !told.has(file)) return failure(notFound, `There is no ${what.slice(0, toldMax)} here.`);
    const bytes = Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto));
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [bytes] } };
  };
  switch (asked?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileOf(
        [...told].find(({ proto }) => proto.name === asked.value),
        `file ${asked.value}`,
      );
    case 'fileContainingSymbol':
      return fileOf(fileWith(registry, asked.value), `symbol ${asked.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const message = registry.getMessage(containingType);
      return fileOf(message && registry.getExtensionFor(message, extensionNumber)?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const all = [...registry].filter((type) => type.kind === 'extension' && type.extendee.typeName === asked.value && told.has(type.file));
      const extensionNumber = all.map((type) => (type.kind === 'extension' ? type.number : 0));
      return { $case: 'allExtensionNumbersResponse', value: { baseTypeName: asked.value, extensionNumber } };
    }
    default:
      return failure(unimplemented, 'This is not known here.');
  }
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}

/** The file of a type, or of a method by "package.Service.Method". */
function fileWith(registry: FileRegistry, symbol: string): DescFile | undefined {
  const type = registry.get(symbol);
  if (type !== undefined) return type.file;
  const dot = symbol.lastIndexOf('.');
  const service = registry.getService(symbol.slice(0, dot));
  return service?.methods.some(({ name }) => name === symbol.slice(dot + 1)) ? service.file : undefined;
}

/** The files of services and their imports, and no others: services that are not served are not described. */
function filesBelow(registry: FileRegistry, services: readonly string[]): ReadonlySet<DescFile> {
  const files = new Set(services.flatMap((service) => registry.getService(service)?.file ?? []));
  for (const file of files) for (const dependency of file.dependencies) files.add(dependency); // iterating a Set includes entries that are added meanwhile
  return files;
}
