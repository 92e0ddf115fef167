import assert from "node:assert/strict";
import { readLines } from "../../src/cli/lines.ts";

/** What `readLines()` gives for pieces of a stream, and what it throws in the end. */
async function read(pieces: (string | number[] | Error)[], most: number) {
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else if (piece instanceof Error) controller.error(piece);
      else if (typeof piece === "string") controller.enqueue(new TextEncoder().encode(piece));
      else controller.enqueue(new Uint8Array(piece));
    },
  });
  const groups: string[][] = [];
  try {
    for await (const group of readLines(stream, most)) groups.push(group);
  } catch (error) {
    return { groups, error: String(error) };
  }
  return { groups, error: "" };
}

Deno.test("readLines() cuts lines wherever the pieces of a stream end", async () => {
  const [first, second] = new TextEncoder().encode("é");
  const pieces = ["\uFEFFa\r", "\n\n\uFEFFb", "c", [first!], [second!, 10], "d\n", "e"];
  const { groups, error } = await read(pieces, 2);
  assert.deepEqual([groups, error], [[["a", ""], ["\uFEFFbcé", "d"], ["e"]], ""]);
});

Deno.test("readLines() gives the lines before one that is not UTF-8, and names its number", async () => {
  const { groups, error } = await read(["a\nb\nc\n", [0x61, 0xff, 10], "d\n"], 2);
  assert.deepEqual(groups, [["a", "b"], ["c"]]);
  assert.match(error, /^SpindleError: Cannot read stdin as its line 4 is not valid UTF-8: /);
});

Deno.test("readLines() gives the lines before a failure of the system", async () => {
  const { groups, error } = await read(["a\nb", new Deno.errors.IsADirectory("Is a directory")], 9);
  assert.deepEqual(groups, [["a"]]);
  assert.equal(error, "SpindleError: Cannot read stdin as it is a folder: give a file");
});

Deno.test("readLines() gives nothing for an empty stream", async () => {
  assert.deepEqual(await read([], 2), { groups: [], error: "" });
});

/** A stream to write to, and the groups of lines that are read of it. */
function openLines(most: number) {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (own) => controller = own });
  return {
    write: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    close: () => controller.close(),
    groups: readLines(stream, most),
  };
}

Deno.test("readLines() gives the lines that have come where no more are waiting", async () => {
  const { write, close, groups } = openLines(256);
  write("a\n");
  write("b\nhalf");
  assert.deepEqual((await groups.next()).value, ["a", "b"]);
  write(" a line\n");
  assert.deepEqual((await groups.next()).value, ["half a line"]);
  close();
  assert.equal((await groups.next()).done, true);
});

Deno.test("readLines() does not wait on and on for a group where lines trickle in", async () => {
  const { write, close, groups } = openLines(1000);
  let written = 0;
  const timer = setInterval(() => write(`${written++}\n`), 2);
  const { value } = await groups.next();
  clearInterval(timer);
  assert.ok(value!.length < 100, `${value!.length} lines came`);
  close();
  for await (const _ of groups);
});
