/** Runs `body` with the path of a new folder and removes it afterwards. */
export function withFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The bytes of a safetensors file with any header, valid or not. */
export function fileBytes(header: string | Uint8Array, dataBytes = 0): Uint8Array<ArrayBuffer> {
  const encoded = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + encoded.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
  bytes.set(encoded, 8);
  return bytes;
}
