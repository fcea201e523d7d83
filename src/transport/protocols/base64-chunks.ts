import { Fault } from '../../core/kit/fault.ts';

/**
 * Decodes base64 in chunks of any length. Each chunk that the client encoded may have its own padding, also in the
 * middle (gRPC-Web, "Protocol differences": grpc-web-text).
 * @returns decodes one chunk; it throws a Fault for invalid base64
 */
export function base64Chunks(): (chunk: Buffer) => Buffer {
  let rest = '';
  return (chunk) => {
    const text = rest + chunk.toString('latin1').replace(/[\r\n]/g, '');
    if (!/^[A-Za-z0-9+/=]*$/.test(text)) throw new Fault('CALL_MALFORMED', 'The body of the request is not base64.');
    const whole = text.length - (text.length % 4);
    rest = text.slice(whole);
    const parts = text.slice(0, whole).match(/[^=]+=*/g) ?? [];
    return parts.length === 1 ? Buffer.from(parts[0] as string, 'base64') : Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
  };
}
