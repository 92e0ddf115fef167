import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10";
import {
  bytesPerElement,
  type Dtype,
  openSafetensors,
  readFloats,
  readIntegers,
  safetensorsHeader,
  type TensorData,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { SpindleError } from "../../src/util.ts";
import { sharedPath, sharedTest } from "../shared.ts";
import { withFolder } from "./support.ts";

const tensor = (dtype: Dtype, shape: number[], data: ArrayBufferView): TensorData => ({
  dtype,
  shape,
  data,
});

function roundTrip(
  tensors: Record<string, TensorData>,
  body: (file: ReturnType<typeof openSafetensors>) => void,
): void {
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    writeSafetensors(path, new Map(Object.entries(tensors)));
    using file = openSafetensors(path);
    body(file);
  });
}

Deno.test("readFloats() converts F16, BF16, F32 and F64", () => {
  const values = [1, -2.5, 0, -0, 65504, 2 ** -24, Infinity, -Infinity, NaN];
  const bfloat16 = new Uint16Array([0x3f80, 0xc020, 0x7f80, 0x8000, 0x0001]);
  roundTrip({
    half: tensor("F16", [9], new Float16Array(values)),
    brain: tensor("BF16", [5], bfloat16),
    single: tensor("F32", [9], new Float32Array(values)),
    double: tensor("F64", [9], new Float64Array(values)),
  }, (file) => {
    for (const name of ["half", "single", "double"]) {
      assert.deepEqual(readFloats(file, name), new Float32Array(values));
    }
    assert.deepEqual(
      readFloats(file, "brain"),
      new Float32Array([1, -2.5, Infinity, -0, 2 ** -133]),
    );
  });
});

Deno.test("readFloats() reads all 65536 halves as Float16Array does", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  roundTrip({ a: tensor("F16", [256, 256], bits) }, (file) => {
    assert.deepEqual(readFloats(file, "a"), new Float32Array(new Float16Array(bits.buffer)));
  });
});

Deno.test("readFloats() reads a range of rows and rejects one outside the tensor", () => {
  const data = Float32Array.from({ length: 15 }, (_, i) => i);
  roundTrip({
    a: tensor("F32", [5, 3], data),
    none: tensor("F32", [0, 3], new Float32Array()),
    scalar: tensor("F32", [], new Float32Array(1)),
  }, (file) => {
    assert.deepEqual(readFloats(file, "a", { start: 1, end: 3 }), data.slice(3, 9));
    assert.equal(readFloats(file, "a", { start: 5, end: 5 }).length, 0);
    assert.equal(readFloats(file, "none", { start: 0, end: 0 }).length, 0);
    for (const [start, end] of [[0, 6], [-1, 2], [3, 2], [0.5, 2], [0, NaN]] as const) {
      assert.throws(
        () => readFloats(file, "a", { start, end }),
        /Cannot read rows .* has 5 rows: ask/,
      );
    }
    assert.throws(() => readFloats(file, "scalar", { start: 0, end: 1 }), /Cannot read rows/);
  });
});

Deno.test("readIntegers() widens every integer type and rejects what needs more than 32 bits", () => {
  roundTrip({
    i64: tensor("I64", [2], new BigInt64Array([-(2n ** 31n), 2n ** 31n - 1n])),
    u64: tensor("U64", [1], new BigUint64Array([7n])),
    u32: tensor("U32", [1], new Uint32Array([7])),
    i32: tensor("I32", [2], new Int32Array([-7, 7])),
    u16: tensor("U16", [1], new Uint16Array([65535])),
    i16: tensor("I16", [1], new Int16Array([-32768])),
    u8: tensor("U8", [1], new Uint8Array([255])),
    i8: tensor("I8", [1], new Int8Array([-128])),
    bool: tensor("BOOL", [2], new Uint8Array([0, 1])),
    big: tensor("I64", [1], new BigInt64Array([2n ** 31n])),
    huge: tensor("U64", [1], new BigUint64Array([2n ** 64n - 1n])),
    wide: tensor("U32", [1], new Uint32Array([2 ** 31])),
  }, (file) => {
    const expected: [string, number[]][] = [
      ["i64", [-(2 ** 31), 2 ** 31 - 1]],
      ["u64", [7]],
      ["u32", [7]],
      ["i32", [-7, 7]],
      ["u16", [65535]],
      ["i16", [-32768]],
      ["u8", [255]],
      ["i8", [-128]],
      ["bool", [0, 1]],
    ];
    for (const [name, values] of expected) {
      assert.deepEqual(readIntegers(file, name), new Int32Array(values), name);
    }
    for (const name of ["big", "huge", "wide"]) {
      assert.throws(() => readIntegers(file, name), / as \d+ does not fit in 32 bits: give/);
    }
  });
});

Deno.test("readFloats() refuses a finite number that is too large for 32 bits", () =>
  roundTrip({
    good: tensor("F64", [3], Float64Array.of(Infinity, -3.4e38, NaN)),
    bad: tensor("F64", [3], Float64Array.of(Infinity, 1, -3.5e38)),
  }, (file) => {
    assert.deepEqual(readFloats(file, "good"), Float32Array.of(Infinity, -3.4e38, NaN));
    assert.throws(
      () => readFloats(file, "bad"),
      /floats from tensor "bad" .* as -3\.5e\+38 is too large for float32: scale it down$/,
    );
  }));

Deno.test("a missing tensor is told with the names of the others where they are few", () => {
  const held = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`${i}`, tensor("I32", [1], new Int32Array(1))]),
    );
  const cases = { none: 0, '"0", "1", "2", "3", "4"': 5, "6 others": 6 };
  for (const [others, count] of Object.entries(cases)) {
    roundTrip(held(count), (file) =>
      assert.throws(() => readFloats(file, "y"), {
        name: "SpindleError",
        message: `Cannot find tensor "y" in "${file.path}" as it holds ${others}: give a file ` +
          "that has one of that name",
      }));
  }
});

Deno.test("readFloats() and readIntegers() name a missing tensor and one of the other kind", () =>
  roundTrip({
    a: tensor("I32", [1], new Int32Array(1)),
    b: tensor("F16", [1], new Float16Array(1)),
  }, (file) => {
    assert.throws(() => readFloats(file, "c"), /Cannot find tensor "c"/);
    assert.throws(() => readIntegers(file, "constructor"), /Cannot find tensor "constructor"/);
    assert.throws(() => readFloats(file, "a"), / floats .* "a" .* as it holds I32: a float type/);
    assert.throws(() => readIntegers(file, "b"), / integers .* "b" .* as it holds F16: an int/);
  }));

Deno.test("writeSafetensors() keeps tensors and metadata with any name", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    const names = ["__proto__", "constructor", "toString", "", "7", 'a"\\\n', "é😀"];
    const tensors = new Map(names.map((name, i) => [name, tensor("U8", [], new Uint8Array([i]))]));
    const metadata = Object.fromEntries(names.map((name) => [name, `<${name}>`]));
    writeSafetensors(path, tensors, metadata);
    using file = openSafetensors(path);
    names.forEach((name, i) => assert.deepEqual([...readIntegers(file, name)], [i], name));
    assert.deepEqual(
      new Map(file.metadata),
      new Map(names.map((name) => [name, `<${name}>`])),
    );
  }));

Deno.test("writeSafetensors() aligns every tensor to its element size", () =>
  roundTrip({
    a: tensor("U8", [3], new Uint8Array(3)),
    b: tensor("F64", [1], new Float64Array(1)),
    c: tensor("F16", [3], new Float16Array(3)),
    d: tensor("F32", [1], new Float32Array(1)),
  }, (file) => {
    for (const { begin, dtype } of file.tensors.values()) {
      assert.equal(begin % bytesPerElement(dtype), 0);
    }
  }));

Deno.test("writeSafetensors() writes nothing when a tensor is refused, and keeps the old file", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    writeSafetensors(path, new Map([["a", tensor("U8", [1], new Uint8Array([9]))]]));
    const refused: [string, TensorData, RegExp][] = [
      ["a", tensor("F32", [2], new Float32Array(3)), /has 12 bytes: F32 \[2\] needs 8/],
      ["a", tensor("F32", [-1], new Float32Array(1)), /shape is \[-1\]/],
      ["a", tensor("F32", [2 ** 50, 2 ** 50], new Float32Array(1)), /non-negative integers/],
      ["__metadata__", tensor("U8", [1], new Uint8Array(1)), /named "__metadata__"/],
      ["\ud800", tensor("U8", [1], new Uint8Array(1)), /rename it/],
    ];
    for (const [name, data, message] of refused) {
      assert.throws(() => writeSafetensors(path, new Map([[name, data]])), (error) => {
        assert(error instanceof SpindleError);
        assert.match(error.message, message);
        return true;
      });
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["x.safetensors"]);
    using file = openSafetensors(path);
    assert.deepEqual([...readIntegers(file, "a")], [9]);
    assert.throws(
      () => writeSafetensors(`${folder}/none/x.safetensors`, new Map()),
      /its folder does not exist/,
    );
  }));

Deno.test({
  name: "writeSafetensors() says that the disk is full",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder((folder) => {
      const data = () => {
        using full = Deno.openSync("/dev/full", { write: true });
        full.writeSync(new Uint8Array(1));
        return [];
      };
      const path = `${folder}/x.safetensors`;
      assert.throws(
        () => writeSafetensors(path, new Map([["a", { dtype: "U8", shape: [1], data }]])),
        /Cannot write ".*x\.safetensors" as the disk is full: free some space/,
      );
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }),
});

Deno.test("safetensorsHeader() places tensors where the reader finds them", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    const { header, infos } = safetensorsHeader(
      new Map([["a", { dtype: "F32", shape: [2, 3] }], ["b", { dtype: "F16", shape: [2] }]]),
      { pool: "mean" },
    );
    assert.equal(header.length % 8, 0);
    Deno.writeFileSync(path, header);
    Deno.truncateSync(path, infos.at(-1)!.begin + infos.at(-1)!.byteLength);
    using file = openSafetensors(path);
    assert.deepEqual([...file.tensors.values()], infos);
    assert.equal(file.metadata.get("pool"), "mean");
  }));

Deno.test("readBytes() notices a file that was cut short after it was opened", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    writeSafetensors(path, new Map([["a", tensor("F32", [64], new Float32Array(64))]]));
    using file = openSafetensors(path);
    Deno.truncateSync(path, 200);
    assert.throws(() => file.readBytes("a"), /cut short while being read/);
  }));

Deno.test("readFloats() reads rows behind the first 4 GiB", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    const { header, infos } = safetensorsHeader(
      new Map([["a", { dtype: "F32", shape: [5 << 20, 256] }]]),
    );
    const { begin, byteLength } = infos[0]!;
    Deno.writeFileSync(path, header);
    Deno.truncateSync(path, begin + byteLength); // Sparse: takes no room on the disk.
    using file = Deno.openSync(path, { write: true });
    file.seekSync(begin + byteLength - 4, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(new Float32Array([7]).buffer));
    using opened = openSafetensors(path);
    const last = readFloats(opened, "a", { start: (5 << 20) - 1, end: 5 << 20 });
    assert.equal(last[255], 7);
  }));

const anyTensor: fc.Arbitrary<TensorData> = fc.record({
  dtype: fc.constantFrom<Dtype>("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8"),
  shape: fc.array(fc.nat(4), { maxLength: 4 }),
}).chain(({ dtype, shape }) => {
  const length = shape.reduce((a, b) => a * b, bytesPerElement(dtype));
  return fc.uint8Array({ minLength: length, maxLength: length })
    .map((data) => ({ dtype, shape, data }));
});
const anyName = fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__");
const anyTensors = fc.array(fc.tuple(anyName, anyTensor), { maxLength: 6 })
  .map((entries) => new Map(entries));

Deno.test("what writeSafetensors() wrote openSafetensors() reads, whatever it is", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    fc.assert(fc.property(anyTensors, fc.dictionary(anyName, fc.string()), (tensors, metadata) => {
      writeSafetensors(path, tensors, metadata);
      using file = openSafetensors(path);
      assert.deepEqual(new Set(file.tensors.keys()), new Set(tensors.keys()));
      assert.deepEqual(new Map(file.metadata), new Map(Object.entries(metadata)));
      for (const [name, { dtype, shape, data }] of tensors) {
        assert.equal(file.tensors.get(name)!.dtype, dtype);
        assert.deepEqual(file.tensors.get(name)!.shape, shape);
        assert.deepEqual(file.readBytes(name), data);
      }
    }));
  }));

Deno.test("openSafetensors() answers random damage with a SpindleError or with whole tensors", () =>
  withFolder((folder) => {
    const path = `${folder}/x.safetensors`;
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(anyTensors, damage, fc.option(fc.nat()), (tensors, changes, cut) => {
        writeSafetensors(path, tensors);
        const bytes = Deno.readFileSync(path);
        for (const [position, value] of changes) bytes[position % bytes.length] = value;
        Deno.writeFileSync(path, cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
        try {
          using file = openSafetensors(path);
          for (const { name, byteLength } of file.tensors.values()) {
            assert.equal(file.readBytes(name).length, byteLength);
          }
        } catch (error) {
          assert(error instanceof SpindleError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  }));

sharedTest(
  "openSafetensors() reads the weights that another program wrote",
  ["models/all-MiniLM-L6-v2/model.safetensors"],
  () => {
    using file = openSafetensors(sharedPath("models/all-MiniLM-L6-v2/model.safetensors"));
    assert.deepEqual(file.tensors.get("embeddings.word_embeddings.weight")!.shape, [30522, 384]);
    const row = readFloats(file, "embeddings.word_embeddings.weight", { start: 101, end: 102 });
    // The row of [CLS], as Python's safetensors package reads it.
    assert.deepEqual(
      [...row.subarray(0, 3)],
      [-0.01761939749121666, -0.007600549608469009, 0.047105543315410614],
    );
    assert(Math.abs(row.reduce((sum, value) => sum + value, 0) - 2.1904991320334375) < 1e-5);
    const ids = readIntegers(file, "embeddings.position_ids");
    assert.deepEqual([...ids], Array.from({ length: 512 }, (_, i) => i));
  },
);
