/**
 * Replaces characters as a SentencePiece model says (Kudo and Richardson 2018), in the way of
 * Hugging Face's tokenizers: a grapheme of less than six bytes as a whole, by the shortest of its
 * beginnings that the map knows, and else each of its code points.
 *
 * @param base64 The field `precompiled_charsmap` of a `Precompiled` normalizer: the size of a
 * double array trie in bytes, the trie, and the replacements, each ended by a zero byte.
 * @throws {Error} If it is none.
 */
export function readCharsmap(base64: string): (text: string) => string {
  const bytes = Uint8Array.fromBase64(base64);
  const size = bytes.length < 4 ? Infinity : new DataView(bytes.buffer).getUint32(0, true);
  if (size % 4 !== 0 || 4 + size > bytes.length) {
    throw new Error("its precompiled_charsmap is cut short");
  }
  const trie = new Uint32Array(bytes.slice(4, 4 + size).buffer);
  const replacements = bytes.subarray(4 + size);
  const decoder = new TextDecoder();
  const known = new Map<string, string | undefined>();

  const replacementOf = (part: string): string | undefined => {
    if (known.has(part)) return known.get(part);
    const start = findShortest(trie, new TextEncoder().encode(part));
    const replacement = start === undefined
      ? undefined
      : decoder.decode(replacements.subarray(start, replacements.indexOf(0, start)));
    if (known.size < mostKnown) known.set(part, replacement);
    return replacement;
  };
  const replaceGrapheme = (grapheme: string) => {
    const whole = byteLength(grapheme) < 6 ? replacementOf(grapheme) : undefined;
    if (whole !== undefined) return whole;
    return Array.from(grapheme, (character) => replacementOf(character) ?? character).join("");
  };
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  return (text) => {
    // Of ASCII only CR LF is a grapheme of two characters.
    const graphemes = /^[\x20-\x7e]*$/.test(text)
      ? [...text]
      : Array.from(segmenter.segment(text), ({ segment }) => segment);
    return graphemes.map(replaceGrapheme).join("");
  };
}

/** Graphemes that are remembered: there may be as many as there are texts. */
const mostKnown = 2 ** 16;

/** The value of the shortest beginning of a key that a double array trie (Darts-clone) holds. */
function findShortest(trie: Uint32Array, key: Uint8Array): number | undefined {
  const offset = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let node = offset(trie[0]!);
  for (const byte of key) {
    node ^= byte;
    const unit = trie[node] ?? 0;
    if (byte === 0 || ((unit & 0x800000ff) >>> 0) !== byte) return undefined;
    node ^= offset(unit);
    if (unit & 0x100) return trie[node]! & 0x7fffffff;
  }
  return undefined;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
