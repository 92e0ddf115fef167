import assert from "node:assert/strict";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import { SpindleError } from "../../src/util.ts";
import { fileBytes, withFolder } from "./support.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const one = `{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`;

/** Broken files: what is wrong, the bytes, and what the message must say. */
const broken: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
  ["a file of no bytes", new Uint8Array(0), /has 0 bytes/],
  ["a file below 8 bytes", new Uint8Array(7), /has 7 bytes/],
  ["a text below 8 bytes", encode("none"), /is text that begins with "none"/],
  [
    "a pointer of Git LFS",
    encode("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n"),
    /is text that begins with "version https:.*": get the file itself with "git lfs pull"$/,
  ],
  [
    "a web page cut within a character",
    encode(`<!doctype html>\n<title>${"é".repeat(40)}`),
    /is text that begins with "<!doctype html>\\n.*": get the safetensors file itself$/,
  ],
  [
    "other bytes than text",
    new Uint8Array([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46]),
    /its header would have \d+ bytes/,
  ],
  [
    "a header longer than the file",
    fileBytes("{}").slice(0, 9),
    /ends within its header of 2 bytes: it was cut short/,
  ],
  ["an empty header", fileBytes(""), /does not start with \{/],
  ["a header that starts with a space", fileBytes(" {}"), /does not start with \{/],
  ["a header that is an array", fileBytes("[]"), /does not start with \{/],
  ["a header with a byte order mark", fileBytes("\uFEFF{}"), /does not start with \{/],
  ["a header that is not JSON", fileBytes(`{"a":`), /not valid JSON/],
  ["a header with text after it", fileBytes(`{}x`), /not valid JSON/],
  ["a header that is not UTF-8", fileBytes(new Uint8Array([123, 0xff, 125])), /not valid UTF-8/],
  ["a tensor named twice", fileBytes(`{"a":${one},"a":${one}}`, 8), /key "a" is repeated/],
  ["a name repeated by an escape", fileBytes(`{"a":${one},"\\u0061":${one}}`, 8), /is repeated/],
  ["a repeated key in a tensor", fileBytes(`{"a":{"dtype":"F32","dtype":"F16"}}`), /is repeated/],
  ["metadata that is a string", fileBytes(`{"__metadata__":"x"}`), /__metadata__ is not an obj/],
  ["metadata that is a number", fileBytes(`{"__metadata__":{"a":1}}`), /"a".*not a string/],
  ["a tensor that is a number", fileBytes(`{"a":1}`), /"a" is not described by an object/],
  ["a tensor that is null", fileBytes(`{"a":null}`), /"a" is not described by an object/],
  ["an unknown dtype", tensor({ dtype: "F8_E4M3" }), /"a" has dtype "F8_E4M3"/],
  ["a dtype named constructor", tensor({ dtype: "constructor" }), /has dtype "constructor"/],
  ["a missing dtype", tensor({ dtype: undefined }), /"a" has dtype undefined/],
  ["a missing shape", tensor({ shape: undefined }), /"a" has a shape/],
  ["a negative size", tensor({ shape: [-2] }), /"a" has a shape/],
  ["a fractional size", tensor({ shape: [0.5] }), /"a" has a shape/],
  ["a size given as text", tensor({ shape: ["2"] }), /"a" has a shape/],
  ["an unsafe size", tensor({ shape: [2 ** 53] }), /"a" has a shape/],
  ["a shape whose product overflows", tensor({ shape: [2 ** 40, 2 ** 40] }), /too large a shape/],
  ["one offset", tensor({ data_offsets: [8] }), /data_offsets/],
  ["three offsets", tensor({ data_offsets: [0, 8, 8] }), /data_offsets/],
  ["a negative offset", tensor({ data_offsets: [-8, 0] }), /data_offsets/],
  ["offsets in the wrong order", tensor({ data_offsets: [8, 0] }), /has -8 bytes/],
  ["too few bytes for the shape", tensor({ shape: [3] }), /has 8 bytes.*needs 12/],
  ["too many bytes for the shape", tensor({ shape: [1] }), /has 8 bytes.*needs 4/],
  ["a first tensor behind a hole", tensor({ data_offsets: [4, 12] }, 12), /leaves a hole/],
  ["a hole between tensors", pair([0, 8], [12, 20], 20), /"b".*leaves a hole/],
  ["tensors that overlap", pair([0, 8], [4, 12], 12), /"b".*overlaps/],
  ["tensors that share their bytes", pair([0, 8], [0, 8], 8), /"b".*overlaps/],
  ["bytes after the last tensor", tensor({}, 9), /the file at/],
  ["a last tensor cut short", tensor({}, 7), /the file at/],
];

function tensor(changes: Record<string, unknown>, dataBytes = 8): Uint8Array<ArrayBuffer> {
  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8], ...changes };
  return fileBytes(JSON.stringify({ a: entry }), dataBytes);
}

function pair(first: number[], second: number[], dataBytes: number): Uint8Array<ArrayBuffer> {
  const entry = (offsets: number[]) => ({ dtype: "F32", shape: [2], data_offsets: offsets });
  return fileBytes(JSON.stringify({ a: entry(first), b: entry(second) }), dataBytes);
}

for (const [what, bytes, message] of broken) {
  Deno.test(`openSafetensors() rejects ${what}`, () =>
    withFolder((folder) => {
      const path = `${folder}/x.safetensors`;
      Deno.writeFileSync(path, bytes);
      assert.throws(() => openSafetensors(path), (error) => {
        assert(error instanceof SpindleError, String(error));
        assert.match(error.message, message);
        assert(error.message.startsWith(`Cannot read "${path}" as `), error.message);
        assert.match(error.message, /: .+/, "what to do about it");
        return true;
      });
    }));
}

Deno.test("openSafetensors() rejects a header of 9 GB without allocating it", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    const bytes = fileBytes("{}");
    new DataView(bytes.buffer).setBigUint64(0, 9_000_000_000n, true);
    Deno.writeFileSync(path, bytes);
    Deno.truncateSync(path, 10_000_000_000); // Sparse: takes no room on the disk.
    assert.throws(() => openSafetensors(path), {
      message: `Cannot read "${path}" as its header would have 9000000000 bytes: ` +
        `at most 100000000 are allowed, so that it is no safetensors file`,
    });
  }));

Deno.test("openSafetensors() rejects a header length of 2^64 - 1", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    Deno.writeFileSync(path, new Uint8Array(16).fill(255));
    assert.throws(() => openSafetensors(path), /header would have 18446744073709552000 bytes/);
  }));

Deno.test("openSafetensors() rejects a missing file and a folder", () =>
  withFolder((folder) => {
    assert.throws(() => openSafetensors(`${folder}/none`), /it does not exist/);
    assert.throws(() => openSafetensors(folder), /not a regular file/);
  }));

Deno.test("openSafetensors() accepts a file without tensors, scalars and empty tensors", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    Deno.writeFileSync(path, fileBytes("{}  "));
    using none = openSafetensors(path);
    assert.equal(none.tensors.size, 0);

    const header = JSON.stringify({
      after: { dtype: "I8", shape: [0, 5], data_offsets: [4, 4] },
      scalar: { dtype: "F32", shape: [], data_offsets: [0, 4] },
      before: { dtype: "F64", shape: [3, 0], data_offsets: [0, 0] },
    });
    Deno.writeFileSync(path, fileBytes(header, 4));
    using some = openSafetensors(path);
    assert.deepEqual([...some.tensors.keys()], ["before", "scalar", "after"]);
    assert.equal(some.readBytes("before").length, 0);
    assert.equal(some.readBytes("scalar").length, 4);
  }));
