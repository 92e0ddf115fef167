/** An expected failure: its message is one sentence for the user, shown without a stack trace. */
export class SpindleError extends Error {
  /** The name that a stack trace begins with. */
  override readonly name: string = "SpindleError";
}

/** A wrong call: shown like any expected failure, by the command line with exit code 2. */
export class UsageError extends SpindleError {
  override readonly name = "UsageError";
}

/** The integers below `n`. */
export function range(n: number): number[] {
  return [...Array(n).keys()];
}

/** `n` rounded up to the next multiple of `step`. */
export function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}

/**
 * Checks a name that a caller without types can get wrong.
 *
 * @param what What the name is of, such as "the pool".
 * @throws {SpindleError} If it is none of those that there are.
 */
export function requireOneOf<Name>(what: string, name: Name, names: readonly Name[]): Name {
  if (names.includes(name)) return name;
  throw new SpindleError(`Cannot use ${what} "${name}": ${either(names)} is needed`);
}

/**
 * Checks a list that a caller without types can get wrong, such as by its only element.
 *
 * @param what What it lists, such as "the sites".
 * @throws {SpindleError} If it is neither an array nor a typed array.
 */
export function requireList(what: string, list: unknown): void {
  if (Array.isArray(list) || (ArrayBuffer.isView(list) && "length" in list)) return;
  const shown = typeof list === "string" ? JSON.stringify(beginningOf(list)) : String(list);
  throw new SpindleError(`Cannot use ${shown} for ${what}: a list is needed`);
}

/**
 * Checks texts that a caller without types can get wrong.
 *
 * @throws {SpindleError} If they are no list of strings.
 */
export function requireTexts(texts: readonly unknown[]): void {
  requireList("the texts", texts);
  const odd = texts.findIndex((text) => typeof text !== "string");
  if (odd < 0) return;
  throw new SpindleError(`Cannot use ${String(texts[odd])} for text ${odd + 1}: give strings`);
}

/** Names to choose from, for people to read. */
export function either(names: readonly unknown[]): string {
  return names.map((name) => `"${name}"`).join(" or ");
}

/**
 * Lets whatever waits have its turn, such as Ctrl-C: for long work that waits for nothing itself.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Does what a run can go on without: a reason why it cannot be done is passed over. */
export function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SpindleError)) throw error;
  }
}

/** Bytes for people to read. */
export function megabytes(bytes: number): string {
  const digits = { maximumFractionDigits: bytes < 1e7 ? 1 : 0 };
  return `${(bytes / 1e6).toLocaleString("en-US", digits)} MB`;
}

/** A count with what is counted, such as "1 text" and "2 texts". */
export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** How a text begins, in so many letters: what is told of long ones. */
export function beginningOf(text: string, most = 40): string {
  // A letter may be two places long.
  const letters = Array.from(text.slice(0, 2 * (most + 1)));
  return letters.length > most ? `${letters.slice(0, most).join("")}…` : text;
}

/** What kind of object a value is, such as `Int32Array`. */
export function typeOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** The message of whatever was thrown, in one line. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().replace(/\s*[\n\r\u2028\u2029]\s*/g, " ");
}

/** Whether something is allowed: just to do it might ask the user. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** A word as it is typed in a shell: in quotes where it is not plain. */
export function shellWord(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
