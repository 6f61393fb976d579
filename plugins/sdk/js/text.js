/** UTF-8, for an engine that has no TextEncoder. */

/** Text as bytes. */
export function encode(text) {
  const binary = unescape(encodeURIComponent(text));
  return Uint8Array.from(binary, (one) => one.charCodeAt(0));
}

/** Bytes as text; what is no UTF-8 is read byte by byte. */
export function decode(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  try {
    return decodeURIComponent(escape(binary));
  } catch {
    return binary;
  }
}
