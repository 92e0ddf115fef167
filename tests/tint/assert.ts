/** The part of `node:assert/strict` that the kernels' tests use, for a browser. */

function ok(value: unknown, message = `${value} is not true`): void {
  if (!value) throw new Error(message);
}

function equal(actual: unknown, expected: unknown, message = ""): void {
  ok(Object.is(actual, expected), `${message} ${actual} is not ${expected}`);
}

function deepEqual(actual: unknown, expected: unknown, message = ""): void {
  if (Object.is(actual, expected)) return;
  const [a, b] = [actual, expected].map(entriesOf);
  equal(Object.prototype.toString.call(actual), Object.prototype.toString.call(expected), message);
  equal(a!.length, b!.length, `${message} entries:`);
  a!.forEach(([key, value], i) => {
    equal(key, b![i]![0], message);
    deepEqual(value, b![i]![1], `${message} ${key}:`);
  });
}

/** In the order of the keys; a value without entries equals only itself. */
function entriesOf(value: unknown): [string, unknown][] {
  ok(typeof value === "object" && value !== null, `${value} has no entries`);
  return Object.entries(value as object).sort(([a], [b]) => a < b ? -1 : 1);
}

function match(text: string, pattern: RegExp, message = ""): void {
  ok(pattern.test(text), `${message} "${text}" does not match ${pattern}`);
}

type Expected = RegExp | ((error: unknown) => boolean);

function throws(run: () => unknown, expected: Expected): void {
  try {
    run();
  } catch (error) {
    return expectError(error, expected);
  }
  throw new Error("nothing was thrown");
}

async function rejects(promise: Promise<unknown>, expected: Expected): Promise<void> {
  try {
    await promise;
  } catch (error) {
    return expectError(error, expected);
  }
  throw new Error("nothing was thrown");
}

function expectError(error: unknown, expected: Expected): void {
  if (expected instanceof RegExp) match(String(error), expected);
  else ok(expected(error), `${error} is not what was expected`);
}

export default { ok, equal, deepEqual, match, throws, rejects };
