import { type DescMessage, fromBinary, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf';
import { messagesWithin } from '../policy/shape.ts';

/** As google.rpc.Status has it. */
export type StatusDetail = { readonly typeUrl: string; readonly value: Uint8Array };
/** As Connect has it (Connect protocol, "Error Detail"): `debug` is for people, and clients ignore it. */
export type ConnectDetail = { readonly type: string; readonly value: Uint8Array; readonly debug?: JsonValue };

/** Bytes of JSON that one error may spend on `debug`; details over it are told as bytes alone. */
const debugBytesMax = 8_192;

/**
 * The details of a status in Connect's form, so that who reads JSON sees the reason without decoding base64.
 * @param registry the types that can be read; a detail of another type, or one that is not what it says it is, has no `debug`
 */
export function connectDetails(details: readonly StatusDetail[], registry: Registry): readonly ConnectDetail[] {
  let left = debugBytesMax;
  return details.map(({ typeUrl, value }) => {
    const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    // JSON is longer than the message in most cases, and at most six times in all: what cannot fit is not decoded
    const debug = value.length > left ? undefined : debugOf(type, value, registry);
    const bytes = debug === undefined ? 0 : Buffer.byteLength(JSON.stringify(debug));
    if (debug === undefined || bytes > left) return { type, value };
    left -= bytes;
    return { type, value, debug };
  });
}

/** The same as text: what stands in the body of an error. */
export function connectDetailsJson(details: readonly StatusDetail[], registry: Registry): readonly object[] {
  return connectDetails(details, registry).map(({ type, value, debug }) => ({
    type,
    value: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64').replace(/=+$/, ''),
    ...(debug !== undefined && { debug }),
  }));
}

function debugOf(type: string, value: Uint8Array, registry: Registry): JsonValue | undefined {
  const descriptor = registry.getMessage(type);
  if (descriptor === undefined || hasSecrets(descriptor)) return undefined;
  try {
    return toJson(descriptor, fromBinary(descriptor, value), { registry });
  } catch {
    return undefined; // not what it says it is, or an Any of a type that nobody knows: the bytes are there
  }
}

/** Whether a field of it is marked `debug_redact`, or may hold any other message: it is for programs, not for a terminal. */
function hasSecrets(type: DescMessage): boolean {
  const known = secrets.get(type);
  if (known !== undefined) return known;
  const has = [...messagesWithin(type)].some(
    ({ typeName, fields }) => typeName === 'google.protobuf.Any' || fields.some(({ proto }) => proto.options?.debugRedact === true),
  );
  secrets.set(type, has);
  return has;
}
const secrets = new WeakMap<DescMessage, boolean>();
