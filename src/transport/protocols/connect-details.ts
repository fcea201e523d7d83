import { type DescMessage, fromBinary, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf';
import { messagesWithin } from '../../core/kit/messages-within.ts';

/** A detail of google.rpc.Status. */
export type StatusDetail = { readonly typeUrl: string; readonly value: Uint8Array };
/** A detail in Connect's form (Connect protocol, "Error Detail"): `debug` is for developers, and clients ignore it. */
export type ConnectDetail = { readonly type: string; readonly value: Uint8Array; readonly debug?: JsonValue };

/** The name of the field with its punctuation. Bytes. */
const fieldBytes = ',"debug":'.length;

/**
 * The details of a status in Connect's form, so that a reader of JSON sees the reason without decoding base64.
 * @param registry the known types; a detail of another type, or one that cannot be decoded, has no `debug`
 * @param debugBytesMax the bytes of JSON for `debug` of all; further details have only their bytes
 */
export function connectDetails(details: readonly StatusDetail[], registry: Registry, debugBytesMax: number): readonly ConnectDetail[] {
  let left = debugBytesMax;
  return details.map(({ typeUrl, value }) => {
    const type = typeOf(typeUrl);
    // JSON is usually longer than the message, and at most six times as long: details that cannot fit are not decoded
    const debug = value.length > left ? undefined : debugOf(type, value, registry);
    const bytes = debug === undefined ? 0 : fieldBytes + Buffer.byteLength(JSON.stringify(debug));
    if (debug === undefined || bytes > left) return { type, value };
    left -= bytes;
    return { type, value, debug };
  });
}

/** The same as text, for the body of an error. */
export function connectDetailsJson(details: readonly StatusDetail[], registry: Registry, debugBytesMax: number): readonly object[] {
  return connectDetails(details, registry, debugBytesMax).map(({ type, value, debug }) => ({
    type,
    value: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64').replace(/=+$/, ''),
    ...(debug !== undefined && { debug }),
  }));
}

/** The bytes of the details in JSON without `debug`: `,"details":[{"type":"…","value":"…"},…]`. */
export function detailsBytes(details: readonly StatusDetail[]): number {
  return details.reduce((sum, detail) => sum + detailJsonBytes(detail), ',"details":[]'.length);
}

/** The bytes of one of them. */
export function detailJsonBytes({ typeUrl, value }: StatusDetail): number {
  return '{"type":,"value":""},'.length + Buffer.byteLength(JSON.stringify(typeOf(typeUrl))) + Math.ceil((value.length * 4) / 3);
}

const typeOf = (typeUrl: string) => typeUrl.slice(typeUrl.lastIndexOf('/') + 1);

function debugOf(type: string, value: Uint8Array, registry: Registry): JsonValue | undefined {
  const descriptor = registry.getMessage(type);
  if (descriptor === undefined || hasSecrets(descriptor)) return undefined;
  try {
    return toJson(descriptor, fromBinary(descriptor, value), { registry });
  } catch {
    return undefined; // undecodable, or an Any of an unknown type: the bytes remain
  }
}

/** Whether a field is marked `debug_redact`, or may contain any message: such a detail is not shown as JSON. */
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
