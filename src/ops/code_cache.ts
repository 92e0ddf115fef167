const codes = new Map<string, string>();

/**
 * Generated WGSL, which a kernel that is recorded thousands of times generates once.
 *
 * @param key What the code depends on; the kernel's own name first.
 */
export function cachedCode(key: readonly unknown[], generate: () => string): string {
  const name = JSON.stringify(key);
  let code = codes.get(name);
  if (code === undefined) codes.set(name, code = generate());
  return code;
}
