import assert from "node:assert/strict";
import type { Gpu } from "../src/gpu/device.ts";

/**
 * Has kernels compiled from other code: what compilers make of it that do not do all that this
 * driver's does, and need not.
 */
export function compileOther({ device, pipelines }: Gpu, rewrite: (code: string) => string): void {
  assert.equal(pipelines.size, 0, "kernels were compiled before");
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) =>
    create({ ...descriptor, code: rewrite(descriptor.code) });
}

/** What compilers make of comparisons where they take it that both sides are numbers. */
export function assumeNumbers(code: string): string {
  return code
    .replace(/!\((.*) <= (vec4f\(.*?\))\)/g, "$1 > $2")
    .replace(/select\(x, vec4f\(0\.0\), x < vec4f\(0\.0\)\)/g, "max(x, vec4f(0.0))");
}

/** A log that is as wrong as WGSL allows. */
export function loosenLog(code: string): string {
  return code.replace(/\blog\(/g, "loose_log(") + `
fn loose_log(x: vec4f) -> vec4f {
  return log(x) + select(vec4f(0.0), vec4f(4.7e-7), (x >= vec4f(0.5)) & (x <= vec4f(2.0)));
}`;
}

/** An exp that is infinite where what powers of two make of it overflows: WGSL leaves that open. */
export function overflowExp(code: string): string {
  return code.replace(/\bexp\(/g, "overflowing_exp(") + `
fn overflowing_exp(x: f32) -> f32 {
  return select(exp(x), -x * 1e10, x < -2.3e38);
}`;
}

/** Code of which some compilers refuse what it does: to store a part of a vector by its number. */
export function refuseVectorParts(code: string): string {
  const vectors = [...code.matchAll(/var (\w+)(?:: vec4f)? = (?:vec4f\(|load_)/g)].map((m) => m[1]);
  const stores = vectors.map((name) => `\\b${name}\\[[a-z][^\\]]*\\] =`);
  const found = code.match(new RegExp([...stores, "\\[[^\\]]*& 3u\\] ="].join("|")));
  assert.equal(found?.[0], undefined, "a part of a vector is stored by its number");
  return code;
}
