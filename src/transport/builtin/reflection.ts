import { clone, type DescFile, type DescMethod, type FileRegistry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Metadata } from 'nice-grpc-common';
import type { AccessPlan, MethodPlan } from '../../core/kit/method-plan.ts';
import type { AnswerCall, CallRequest, Handler } from '../../core/ports/call.ts';
import { ServerReflectionRequest, ServerReflectionResponse } from '../../gen/grpc/reflection/v1/reflection.ts';
import type { Served } from '../running-call.ts';
import { builtinPlan } from './builtin-plan.ts';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** google.rpc.Code */
const [notFound, unimplemented] = [5, 12];
/** The bound of an unknown symbol in an error. Characters. */
const nameMax = 200;

/** What a listener describes: the methods that it serves, and the files of their services with all imports. */
type Described = {
  readonly registry: FileRegistry;
  readonly methods: ReadonlySet<DescMethod>;
  readonly files: ReadonlySet<DescFile>;
  /** Those that were asked for, encoded. */
  readonly encoded: Map<DescFile, Buffer>;
};

/**
 * grpc.reflection.v1 (grpc/grpc, doc/server-reflection.md), for tools such as grpcurl.
 * @param served the methods of the listener: no others are described, also of the same service or file
 * @param access who may use it
 * @param chain the interceptors around its handler: its streams end as all others do
 */
export function reflectionMethods(
  registry: FileRegistry,
  served: readonly DescMethod[],
  access: AccessPlan,
  chain: (plan: MethodPlan, handler: Handler) => AnswerCall,
): readonly Served[] {
  const plan = builtinPlan(registry, 'grpc.reflection.v1.ServerReflection', 'ServerReflectionInfo', access);
  if (plan === undefined) throw new Error('grpc.reflection.v1.ServerReflection is not among the protos.');
  const methods = new Set([...served, plan.descriptor]);
  const described = { registry, methods, files: filesBelow(methods), encoded: new Map() };
  return [{ plan, answer: chain(plan, ({ request }) => ({ metadata: Metadata(), body: answers(request, described), trailers: Metadata() })) }];
}

async function* answers(request: CallRequest, described: Described): AsyncGenerator<Uint8Array> {
  for await (const bytes of request.each()) {
    const originalRequest = ServerReflectionRequest.decode(bytes);
    const messageResponse = answerTo(originalRequest.messageRequest, described);
    yield ServerReflectionResponse.encode({ validHost: originalRequest.host, originalRequest, messageResponse }).finish();
  }
}

function answerTo(asked: ServerReflectionRequest['messageRequest'], { registry, methods, files, encoded }: Described): Answer {
  const fileOf = (file: DescFile | undefined, what: string): Answer => {
    if (file === undefined || !files.has(file)) return failure(notFound, `There is no ${what.slice(0, nameMax)} here.`);
    const bytes = encoded.get(file) ?? Buffer.from(withOnly(methods, file));
    encoded.set(file, bytes);
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [bytes] } };
  };
  switch (asked?.$case) {
    case 'listServices':
      return {
        $case: 'listServicesResponse',
        value: { service: [...new Set([...methods].map(({ parent }) => parent.typeName))].map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return fileOf(
        [...files].find(({ proto }) => proto.name === asked.value),
        `file ${asked.value}`,
      );
    case 'fileContainingSymbol':
      return fileOf(fileWith(registry, methods, asked.value), `symbol ${asked.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const message = registry.getMessage(containingType);
      return fileOf(message && registry.getExtensionFor(message, extensionNumber)?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const all = [...registry].filter((type) => type.kind === 'extension' && type.extendee.typeName === asked.value && files.has(type.file));
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

/** The file of a type, of a served service, or of a served method by "package.Service.Method". */
function fileWith(registry: FileRegistry, methods: ReadonlySet<DescMethod>, symbol: string): DescFile | undefined {
  const type = registry.get(symbol);
  if (type !== undefined && type.kind !== 'service') return type.file;
  return [...methods].find(({ parent, name }) => symbol === parent.typeName || symbol === `${parent.typeName}.${name}`)?.parent.file;
}

function filesBelow(methods: ReadonlySet<DescMethod>): ReadonlySet<DescFile> {
  const files = new Set([...methods].map(({ parent }) => parent.file));
  for (const file of files) for (const dependency of file.dependencies) files.add(dependency); // iterating a Set includes entries that are added meanwhile
  return files;
}

/** A file without the methods that are not served, and without its comments, whose places are by index. */
function withOnly(methods: ReadonlySet<DescMethod>, { proto, services }: DescFile): Uint8Array {
  const file = clone(FileDescriptorProtoSchema, proto);
  for (const [i, service] of file.service.entries())
    service.method = service.method.filter((_, j) => {
      const method = services[i]?.methods[j];
      return method !== undefined && methods.has(method);
    });
  file.service = file.service.filter(({ method }) => method.length > 0);
  file.sourceCodeInfo = undefined;
  return toBinary(FileDescriptorProtoSchema, file);
}
