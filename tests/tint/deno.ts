/** The part of Deno that tests and kernels use, for a browser: tests are collected, not run. */

/** A test that was registered. */
export interface CollectedTest {
  readonly name: string;
  readonly fn: () => void | Promise<void>;
}

/** In the order of their registration, without those that are to be ignored. */
export const tests: CollectedTest[] = [];

function test(name: string | (CollectedTest & { ignore?: boolean }), fn?: CollectedTest["fn"]) {
  if (typeof name === "string") tests.push({ name, fn: fn! });
  else if (!name.ignore) tests.push(name);
}

Object.assign(globalThis, {
  Deno: {
    test,
    env: { get: () => undefined },
    permissions: { querySync: () => ({ state: "denied" }) },
    build: { os: "browser" },
  },
  setImmediate: (callback: () => void) => setTimeout(callback),
});
