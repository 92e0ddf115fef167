import type { Problem } from "./fit.ts";

/** The columns that some problem uses, arranged so that those used together stand together. */
export interface ColumnOrder {
  /** Columns of the features in the order of the design. */
  readonly columns: Uint32Array;
  /** For each problem the places of its columns in that order. */
  readonly places: readonly Uint32Array[];
}

/** Groups the columns by the set of problems that use them. */
export function orderColumns(problems: readonly Problem[], width: number): ColumnOrder {
  const masks = new Map<Uint32Array | undefined, number>();
  for (const { columns } of problems) if (!masks.has(columns)) masks.set(columns, masks.size);
  const users = new Array<string>(width).fill("");
  for (const [columns, mask] of masks) {
    const mark = String.fromCharCode(mask + 1);
    if (columns) { for (const column of columns) users[column] += mark; }
    else for (let column = 0; column < width; column++) users[column] += mark;
  }
  const groups = new Map<string, number[]>();
  users.forEach((key, column) => {
    if (key === "") return;
    const group = groups.get(key);
    if (group) group.push(column);
    else groups.set(key, [column]);
  });
  const columns = Uint32Array.from([...groups.values()].flat());
  const placeOf = new Uint32Array(width);
  columns.forEach((column, place) => placeOf[column] = place);
  const all = Uint32Array.from({ length: width }, (_, column) => placeOf[column]!);
  const places = new Map(
    [...masks.keys()].map((mask) => [mask, mask ? mask.map((c) => placeOf[c]!) : all]),
  );
  return { columns, places: problems.map(({ columns }) => places.get(columns)!) };
}

/**
 * An order of problems in which neighbours use similar columns: from the smallest on, next comes
 * the one whose columns differ least.
 */
export function orderProblems(problems: readonly Problem[], width: number): number[] {
  const masks = new Map<Uint32Array | undefined, number[]>();
  problems.forEach(({ columns }, i) => {
    const members = masks.get(columns);
    if (members) members.push(i);
    else masks.set(columns, [i]);
  });
  const waiting = [...masks.entries()].map(([columns, members]) => {
    const used = new Uint8Array(width).fill(columns ? 0 : 1);
    for (const column of columns ?? []) used[column] = 1;
    return { members, used, size: columns?.length ?? width };
  }).sort((a, b) => a.size - b.size);
  const order: number[] = [];
  let next = waiting.shift();
  while (next) {
    order.push(...next.members);
    const { used } = next;
    let nearest = 0;
    let least = Infinity;
    waiting.forEach((other, i) => {
      const distance = symmetricDifference(used, other.used);
      if (distance < least) [nearest, least] = [i, distance];
    });
    next = waiting.splice(nearest, 1)[0];
  }
  return order;
}

function symmetricDifference(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) count += a[i]! ^ b[i]!;
  return count;
}
