import assert from "node:assert/strict";
import { storages } from "../../src/gpu/device.ts";
import {
  createMatrix,
  fillTexels,
  mostRows,
  packTexels,
  uploadMatrix,
  writeMatrix,
  writeTexels,
} from "../../src/gpu/matrix.ts";
import { createStorage, uploadPiece, uploadStorage } from "../../src/gpu/memory.ts";
import { readMatrix } from "../../src/gpu/read_matrix.ts";
import { readStorage } from "../../src/gpu/read_storage.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { SpindleError } from "../../src/util.ts";
import { gpuTest, limitBindings, ownedBytes, requestHardware } from "../gpu.ts";
import { randomNumbers } from "../numbers.ts";

gpuTest("readMatrix() gives back what uploadMatrix() was given", async (gpu) => {
  for (const [rows, cols] of [[1, 1], [7, 13], [37, 130], [130, 37], [64, 256]] as const) {
    const data = randomNumbers(rows * cols);
    using matrix = uploadMatrix(gpu, data, rows, cols);
    assert.deepEqual(await readMatrix(matrix), data);
  }
});

gpuTest("createMatrix() gives zeros", async (gpu) => {
  using matrix = createMatrix(gpu, 13, 37);
  assert.deepEqual(await readMatrix(matrix), new Float32Array(13 * 37));
});

gpuTest("uploadMatrix() puts a matrix where it is told, counted as the GPU's own", async (gpu) => {
  const data = randomNumbers(13 * 7);
  for (const storage of storages) {
    using matrix = uploadMatrix(gpu, data, 13, 7, "placed", "f32", storage);
    assert.equal(matrix.memory instanceof GPUTexture, storage === "texture");
    assert.ok(ownedBytes(gpu) >= data.byteLength);
    assert.deepEqual(await readMatrix(matrix), data);
  }
});

gpuTest("uploadMatrix() takes no GPU memory where its data cannot be packed", (gpu) => {
  const unread = new Proxy(new Float32Array(6), {
    get() {
      throw new RangeError("no memory");
    },
  });
  assert.throws(() => uploadMatrix(gpu, unread, 2, 3), RangeError);
  return Promise.resolve();
});

gpuTest("writeMatrix() replaces only the rows that it is given", async (gpu) => {
  const data = randomNumbers(13 * 7);
  using matrix = uploadMatrix(gpu, data, 13, 7);
  const first = randomNumbers(5 * 7, 2);
  writeMatrix(matrix, first);
  const expected = data.slice();
  expected.set(first);
  assert.deepEqual(await readMatrix(matrix), expected);
});

gpuTest("writeTexels() replaces rows from the one that it is told", async (gpu) => {
  const data = randomNumbers(13 * 7);
  using matrix = uploadMatrix(gpu, data, 13, 7);
  const some = randomNumbers(5 * 7, 2);
  writeTexels(matrix, packTexels(some, 5, 7), 5, 6);
  const expected = data.slice();
  expected.set(some, 6 * 7);
  assert.deepEqual(await readMatrix(matrix), expected);
});

gpuTest(
  "fillTexels() replaces the first rows, of matrices larger than a piece, too",
  async (gpu) => {
    const [rows, cols] = [5003, 1030];
    const some = randomNumbers((rows - 7) * cols, 2);
    using matrix = createMatrix(gpu, rows, cols);
    fillTexels(matrix, packTexels(some, rows - 7, cols), rows - 7);
    assert.deepEqual((await readMatrix(matrix)).subarray(0, some.length), some);
  },
);

Deno.test("an upload takes few transfers from the host, however many columns there are", async () => {
  using gpu = await requestHardware();
  const { device } = gpu;
  let writes = 0;
  const write = device.queue.writeBuffer.bind(device.queue);
  device.queue.writeBuffer = (...written: Parameters<GPUQueue["writeBuffer"]>) => {
    writes++;
    write(...written);
  };
  using matrix = uploadMatrix(gpu, randomNumbers(13 * 400), 13, 400);
  writeTexels(matrix, new Float32Array(5 * 400), 5, 3);
  assert.equal(writes, 1);
  await readMatrix(matrix);
});

Deno.test("a storage buffer takes more than one piece, from where it is told", async () => {
  using gpu = await requestGpu();
  const offset = 16;
  const data = Uint32Array.from({ length: uploadPiece / 4 + 8 }, (_, i) => i + 1);
  using storage = createStorage(gpu, offset + data.byteLength, "pieces");
  storage.write(data, offset);
  const found = new Uint32Array(await readStorage(storage));
  assert.equal(found.subarray(0, 4).every((value) => value === 0), true);
  assert.equal(found.subarray(4).findIndex((value, i) => value !== data[i]), -1);
});

Deno.test("uploadStorage() makes a buffer of what it is given", async () => {
  using gpu = await requestGpu();
  const data = randomNumbers(13);
  using storage = uploadStorage(gpu, data, "numbers");
  assert.deepEqual(new Float32Array(await readStorage(storage, data.byteLength)), data);
});

gpuTest("a matrix's memory is counted until it is disposed, once", async (gpu) => {
  const matrix = createMatrix(gpu, 37, 130);
  assert.ok(ownedBytes(gpu) >= 37 * 130 * 4);
  matrix[Symbol.dispose]();
  matrix[Symbol.dispose]();
  assert.equal(ownedBytes(gpu), 0);
  await gpu.device.queue.onSubmittedWorkDone();
});

Deno.test("createMatrix() says how many rows fit a texture", async () => {
  using gpu = await requestGpu({ storage: "texture" });
  const limit = gpu.device.limits.maxTextureDimension2D;
  assert.throws(() => createMatrix(gpu, limit + 1, 4, "states"), (error) => {
    assert.ok(error instanceof SpindleError);
    assert.match(error.message, new RegExp(`states of ${limit + 1} rows.* at most ${limit} rows`));
    return true;
  });
});

gpuTest("mostRows() is what createMatrix() takes and no more", (gpu) => {
  limitBindings(gpu, 2 ** 16);
  for (const cols of [4, 7, 64, 130, 516, 2048]) {
    const most = mostRows(gpu, cols);
    createMatrix(gpu, most, cols)[Symbol.dispose]();
    assert.throws(() => createMatrix(gpu, most + 1, cols), /Cannot create the matrix/);
  }
  return Promise.resolve();
});
