import assert from "node:assert/strict";
import { mostOperations } from "../../src/gpu/recorder.ts";
import { blockRows } from "../../src/probe/design.ts";
import { widestDesign } from "../../src/probe/working_set.ts";
import { gpuTest } from "../gpu.ts";

gpuTest("blocks have as many rows as a GPU multiplies with themselves in time", (gpu) => {
  const { software } = gpu.adapter;
  const rows = blockRows(gpu, widestDesign);
  assert.equal(rows * widestDesign ** 2 <= mostOperations, !software);
  assert.ok(software || (rows + 1024) * widestDesign ** 2 > mostOperations, `${rows} rows`);
  // Few columns are no work: there the limit of textures counts, and that of loops.
  const most = Math.min(16_384, gpu.device.limits.maxTextureDimension2D);
  assert.equal(blockRows(gpu, 384), most - most % 1024);
  return Promise.resolve();
});
