import type { Server } from 'nice-grpc';
import { ServerReflection, ServerReflectionService } from 'nice-grpc-server-reflection';

/** Its path on the gRPC edge. */
export const reflectionPath = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

/** grpc.reflection.v1: for grpcurl and its like, in dev. It bypasses `answer`. @param services full names of the services that are told of */
export function addReflection(server: Server, descriptorSet: Uint8Array, services: readonly string[]): void {
  server.add(ServerReflectionService, ServerReflection(descriptorSet, services));
}
