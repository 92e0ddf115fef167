import type { Gpu } from "../../src/gpu/device.ts";
import { copyMatrixBack } from "../../src/gpu/read_matrix.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { featuresOf } from "../../src/probe/standardize.ts";
import { WideRows } from "../../src/probe/wide_rows.ts";
import { compileOther, refuseVectorParts } from "../compilers.ts";
import { gpuTest } from "../gpu.ts";
import { assertClose, randomNumbers } from "../numbers.ts";

/** More than one block in both directions. */
const [rows, cols, fits] = [1030, 8205, 3];

/** Products in float64, made when first asked for. */
let expected: ReturnType<typeof multiply> | undefined;

function multiply() {
  const x = randomNumbers(rows * cols, 3);
  const scaled = new Float64Array(x.length);
  const residuals = randomNumbers(rows * fits, 5);
  const weights = randomNumbers(fits * cols, 6);
  const gradient = new Float64Array(fits * cols);
  const margins = new Float64Array(rows * fits);
  for (let j = 0; j < cols; j++) {
    const column = Float64Array.from({ length: rows }, (_, row) => x[row * cols + j]!);
    const mean = column.reduce((a, b) => a + b) / rows;
    const sd = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
    for (let row = 0; row < rows; row++) {
      const value = scaled[row * cols + j] = (column[row]! - mean) / sd;
      for (let k = 0; k < fits; k++) {
        gradient[k * cols + j]! += residuals[row * fits + k]! * value;
        margins[row * fits + k]! += weights[k * cols + j]! * value;
      }
    }
  }
  return { x, scaled, residuals, weights, gradient, margins };
}

async function checkProducts(gpu: Gpu, residentBytes?: number): Promise<void> {
  const { x, scaled, residuals, weights, gradient, margins } = expected ??= multiply();
  using wide = new WideRows(gpu, featuresOf(x, rows), residentBytes);
  assertClose(await wide.gradient(residuals, fits), gradient, 2e-6, "gradient");
  assertClose(await wide.margins(weights, fits), margins, 5e-6, "margins");
  // Columns on both sides of where one block ends and the next begins, in any order.
  const columns = Uint32Array.of(8204, 3, 8191, 8192, 0, 77, 8200);
  using own = new DisposableStack();
  for (const block of wide.gather(own, columns)) {
    const gathered = Float64Array.from(
      { length: block.rows * columns.length },
      (_, i) => {
        const row = block.firstRow + Math.floor(i / columns.length);
        return scaled[row * cols + columns[i % columns.length]!]!;
      },
    );
    // Within: a block that passes through GPU memory is gone when its work is submitted.
    using recorder = new Recorder(gpu);
    let copy: ReturnType<typeof copyMatrixBack> | undefined;
    block.record(recorder, (x) => copy = copyMatrixBack(recorder, x));
    recorder.submit();
    using pending = copy!;
    assertClose(await pending.read(), gathered, 2e-7, "gathered columns");
  }
}

gpuTest("WideRows multiplies and gathers what stays in GPU memory", async (gpu) => {
  compileOther(gpu, refuseVectorParts);
  await checkProducts(gpu);
});

gpuTest("WideRows multiplies and gathers what passes through GPU memory", async (gpu) => {
  await checkProducts(gpu, 0);
});
