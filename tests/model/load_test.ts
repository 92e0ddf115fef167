import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openModelWeights, writeSafetensors } from "../../src/formats/safetensors.ts";
import { createMatrix } from "../../src/gpu/matrix.ts";
import type { Precision } from "../../src/gpu/precision.ts";
import { readConfig } from "../../src/model/config.ts";
import { familyOf, specOf } from "../../src/model/family.ts";
import { longestSentence } from "../../src/model/longest.ts";
import { loadModel } from "../../src/model/load.ts";
import type { CaptureOptions } from "../../src/model/model.ts";
import { verifyModel } from "../../src/model/verify.ts";
import { WeightReader } from "../../src/model/weights.ts";
import { pools } from "../../src/ops/pool.ts";
import { requestGpu } from "../../src/tuning/request.ts";
import { withFolder } from "../folder.ts";
import { assertFreed, ownedBytes } from "../gpu.ts";
import { assertClose } from "../numbers.ts";
import { rewriteModel } from "./rewrite.ts";

const golden = fileURLToPath(new URL("golden/", import.meta.url));
const sentences = [[3, 9, 4, 1], [7], [5, 5, 12]];

Deno.test("loadModel() loads only the blocks that the wanted states need", async () => {
  using gpu = await requestGpu();
  for (
    const [name, states] of [
      ["gpt_neox", ["hidden.1", "activation.0"]],
      ["t5", ["encoder.hidden.1"]],
      ["t5", ["decoder.hidden.0"]],
      ["t5", ["decoder.hidden.1"]],
    ] as const
  ) {
    const folder = join(golden, name);
    using whole = await loadModel(gpu, folder);
    const wholeBytes = ownedBytes(gpu);
    using part = await loadModel(gpu, folder, { states });
    const isLess = ownedBytes(gpu) - wholeBytes < wholeBytes;
    assert.equal(isLess, states[0] !== "decoder.hidden.1");
    const expected = await whole.capture(sentences, { states });
    const found = await part.capture(sentences, { states });
    for (const [state, { values }] of expected.states) {
      assert.deepEqual(found.states.get(state)!.values, values);
    }
  }
});

Deno.test("loadModel() reads what LayerNorm weights were called before 2019", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const electra = join(golden, "electra");
    Deno.copyFileSync(join(electra, "config.json"), join(folder, "config.json"));
    const old = (name: string) =>
      name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias",
        "LayerNorm.beta",
      );
    {
      using source = openModelWeights(electra);
      const tensors = new Map(
        [...source.tensors.values()].map(({ name, dtype, shape }) =>
          [old(name), { dtype, shape, data: source.readBytes(name) }] as const
        ),
      );
      assert.ok(tensors.has("electra.embeddings.LayerNorm.gamma"));
      writeSafetensors(join(folder, "model.safetensors"), tensors);
    }
    using gpu = await requestGpu();
    using model = await loadModel(gpu, folder);
    assert.ok((await verifyModel(model, join(electra, "golden.safetensors"))).passed);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("what a WeightReader read is freed at once when released", () => {
  for (const name of ["llama", "qwen3", "t5"]) {
    const config = readConfig(join(golden, name, "config.json"));
    const spec = specOf(config);
    const refs = familyOf(config).weights(spec, config);
    using source = openModelWeights(join(golden, name));
    const reader = new WeightReader(source, spec, refs);
    const ref = refs.stacks[0]!.block(0).ffn.gate.weight;
    const { data } = reader.matrix(ref, spec.ffnWidth, spec.width);
    assert.equal(data.length, spec.ffnWidth * spec.width);
    assert.equal(reader.matrix(ref, spec.ffnWidth, spec.width).data, data);
    reader.release();
    assert.equal(data.length, 0);
    assert.notEqual(reader.matrix(ref, spec.ffnWidth, spec.width).data, data);
  }
});

Deno.test("capture() names how many blocks a state needs that were not loaded", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, join(golden, "llama"), { states: ["hidden.1"] });
  await assert.rejects(model.capture(sentences, { states: ["hidden.2"] }), /2 blocks as 1 were/);
});

Deno.test("loadModel() refuses float16 for weights that it cannot hold", () =>
  withFolder(async (folder) => {
    const save = (largest: number) =>
      rewriteModel(join(golden, "llama"), folder, {
        change(name, data) {
          if (name.endsWith("1.mlp.down_proj.weight")) data[5] = largest;
        },
      });
    using gpu = await requestGpu();
    const load = async (weights: Precision) =>
      (await loadModel(gpu, folder, { weights }))[Symbol.dispose]();
    save(-65_520);
    await assert.rejects(load("f16"), /in float16 as -65520 would become infinite: keep them in/);
    await load("f32");
    save(-65_519);
    await load("f16");
    assertFreed(gpu);
  }));

Deno.test("a model takes no longer sentences than its matrices fit this GPU's buffers", async () => {
  using gpu = await requestGpu({ storage: "buffer" });
  using model = await loadModel(gpu, join(golden, "llama"));
  const { limits } = gpu.device;
  const columns = Math.ceil(limits.maxStorageBufferBindingSize / 4 / 2000);
  const spec = { ...model.spec, ffnWidth: columns, maxTokens: 1e6 };
  const most = longestSentence(gpu, spec);
  assert.ok(most > 1000 && most < 2000, `${most}`);
  createMatrix(gpu, most, columns)[Symbol.dispose]();
});

Deno.test("loadModel() says what to do where the GPU has no memory for all weights", async () => {
  using gpu = await requestGpu({ storage: "buffer" });
  const { device } = gpu;
  const create = device.createBuffer.bind(device);
  let created = 0;
  device.createBuffer = (descriptor) => {
    if (++created === 5) {
      const error = new GPUOutOfMemoryError("Not enough memory left.");
      const init = { error, cancelable: true };
      device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", init));
    }
    return create(descriptor);
  };
  await assert.rejects(
    loadModel(gpu, join(golden, "llama")),
    /^SpindleError: Cannot allocate .* full \(Not enough .*\): a smaller model, its weights in float16/,
  );
  assertFreed(gpu);
});

Deno.test("float16 weights give nearly the same states in less memory", async () => {
  using gpu = await requestGpu();
  for (const name of ["gpt_neox", "t5"]) {
    using exact = await loadModel(gpu, join(golden, name));
    const exactBytes = gpu.liveBytes;
    using half = await loadModel(gpu, join(golden, name), { weights: "f16" });
    assert.ok(gpu.liveBytes - exactBytes < 0.8 * exactBytes);
    const expected = await exact.capture(sentences);
    const found = await half.capture(sentences);
    for (const [state, { values }] of expected.states) {
      const tokens = found.states.get(state)!.values.tokens!;
      assertClose(tokens, values.tokens!, 5e-3, state);
    }
  }
});

Deno.test("the norm of a head has the epsilon of config.json", () =>
  withFolder(async (folder) => {
    using gpu = await requestGpu();
    // It is so large that queries and keys vanish, and every token attends alike to all.
    const capture = async (sign: number) => {
      rewriteModel(join(golden, "qwen3"), folder, {
        settings: { rms_norm_eps: 1e6 },
        change(name, data) {
          if (name.endsWith("q_proj.weight")) data.forEach((weight, i) => data[i] = sign * weight);
        },
      });
      using model = await loadModel(gpu, folder);
      return (await model.capture(sentences)).states.get("hidden.1")!.values.tokens!;
    };
    assertClose(await capture(-1), await capture(1), 1e-6, "hidden.1");
  }));

Deno.test("capture() gives pools under their names, in whatever order they are asked for", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, join(golden, "llama"));
  const { states } = await model.capture(sentences, { pools: ["mean", "max", "last", "first"] });
  for (const pool of pools) {
    const alone = await model.capture(sentences, { pools: [pool] });
    for (const [name, { values }] of alone.states) {
      assert.deepEqual(states.get(name)!.values[pool], values[pool], `${pool} of ${name}`);
    }
  }
});

Deno.test("capture() refuses a token id outside the vocabulary and an empty sentence", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, join(golden, "gpt_neox"));
  await assert.rejects(model.capture([[23]]), /token id 23: the model's vocabulary has 23/);
  await assert.rejects(model.capture([[1], []]), /sentence 2 as it has 0 tokens/);
});

Deno.test("capture() refuses more tokens than a model has positions", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, join(golden, "electra"));
  assert.equal(model.maxTokens, 12);
  await assert.rejects(
    model.capture([Array<number>(13).fill(3)]),
    /sentence 1 as it has 13 tokens: the model takes 1 to 12/,
  );
});

Deno.test("capture() refuses names and token ids that are none", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, join(golden, "llama"));
  const names = [{ sites: ["foo"] }, { pools: ["median"] }] as unknown as CaptureOptions[];
  for (const options of names) {
    await assert.rejects(
      model.capture(sentences, options),
      /^SpindleError: Cannot use the .* is needed/,
    );
  }
  const lists = [{ sites: "hidden" }, { pools: "mean" }, { states: "hidden.1" }];
  for (const options of lists as unknown as CaptureOptions[]) {
    await assert.rejects(
      model.capture(sentences, options),
      /^SpindleError: Cannot use "(hidden|mean|hidden\.1)" for the .+: a list is needed$/,
    );
  }
  for (const [flat, what] of [[[3, 4], "3 for sentence 1"], ["ab", '"ab" for the sentences']]) {
    await assert.rejects(model.capture(flat as unknown as number[][]), {
      name: "SpindleError",
      message: `Cannot use ${what}: a list is needed`,
    });
  }
  for (const id of [NaN, 1.5, 2 ** 32 + 5, undefined as unknown as number]) {
    await assert.rejects(model.capture([[3, id, 4]]), /^SpindleError: Cannot run the token id/);
  }
  for (const id of [-1, model.spec.vocabulary]) {
    await assert.rejects(model.capture([[3, id, 4]]), /^SpindleError: Cannot embed the token id/);
  }
});

Deno.test("capture() takes token ids in typed arrays", async () => {
  using gpu = await requestGpu();
  using model = await loadModel(gpu, join(golden, "llama"));
  const states = async (sentences: readonly ArrayLike<number>[]) =>
    (await model.capture(sentences, { pools: ["mean"] })).states;
  assert.deepEqual(await states([Int32Array.of(3, 4, 5)]), await states([[3, 4, 5]]));
});

Deno.test("a model that was disposed is refused, and others go on", async () => {
  using gpu = await requestGpu();
  const model = await loadModel(gpu, join(golden, "llama"));
  using other = await loadModel(gpu, join(golden, "electra"));
  model[Symbol.dispose]();
  const before = ownedBytes(gpu);
  await assert.rejects(model.capture(sentences), /^SpindleError: Cannot run the model .* disposed/);
  assert.equal(ownedBytes(gpu), before);
  assert.equal((await other.capture(sentences)).tokens.length, 3);
});

Deno.test("a GPU that was disposed is refused", async () => {
  const gpu = await requestGpu();
  const model = await loadModel(gpu, join(golden, "llama"));
  gpu[Symbol.dispose]();
  const refused = /^SpindleError: Cannot use the GPU as it was disposed/;
  await assert.rejects(model.capture(sentences), refused);
  await assert.rejects(loadModel(gpu, join(golden, "llama")), refused);
});

Deno.test("loadModel() and requestGpu() refuse choices that are none", async () => {
  using gpu = await requestGpu();
  const weights = "f8" as "f16";
  await assert.rejects(loadModel(gpu, join(golden, "llama"), { weights }), /weights of "f8"/);
  await assert.rejects(requestGpu({ storage: "foo" as "buffer" }), /the storage "foo"/);
  for (const folder of [new URL(import.meta.resolve("./golden/llama")), undefined]) {
    await assert.rejects(
      loadModel(gpu, folder as unknown as string),
      /^SpindleError: Cannot load a model from ".+" as it is no folder: give one that holds a model/,
    );
  }
});

Deno.test("a model can be loaded with the permission to read alone", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = join(folder, "load.ts");
    Deno.writeTextFileSync(
      path,
      `import { loadModel, requestGpu } from "${new URL("../../mod.ts", import.meta.url)}";
      using gpu = await requestGpu();
      using model = await loadModel(gpu, ${JSON.stringify(join(golden, "llama"))});
      console.log((await model.capture([[3, 9]])).tokens.join());`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--allow-read", path],
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "2", new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
