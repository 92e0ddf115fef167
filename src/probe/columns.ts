import { range } from "../util.ts";
import type { Problem } from "./fit.ts";

/** The columns that some problem uses, arranged so that those used together stand together. */
export interface ColumnOrder {
  /** Columns of the features in the order of the design. */
  readonly columns: Uint32Array;
  /** The different sets of columns, as places in that order. */
  readonly sets: readonly Uint32Array[];
  /** Which of the sets each problem uses. */
  readonly setOf: readonly number[];
}

/** Finds the different sets of columns, and groups the columns by the sets that use them. */
export function orderColumns(
  problems: readonly Pick<Problem, "columns">[],
  width: number,
): ColumnOrder {
  const { sets, setOf } = distinctSets(problems, width);
  const users = Array.from({ length: width }, (): number[] => []);
  sets.forEach((columns, set) => columns.forEach((column) => users[column]!.push(set)));
  const groups = new Map<string, number[]>();
  users.forEach((using, column) => {
    if (using.length === 0) return;
    const key = using.join();
    const group = groups.get(key);
    if (group) group.push(column);
    else groups.set(key, [column]);
  });
  const columns = Uint32Array.from([...groups.values()].flat());
  const placeOf = new Uint32Array(width);
  columns.forEach((column, place) => placeOf[column] = place);
  return { columns, sets: sets.map((set) => set.map((column) => placeOf[column]!)), setOf };
}

function distinctSets(problems: readonly Pick<Problem, "columns">[], width: number) {
  const all = Uint32Array.from(range(width));
  const known = new Map<Uint32Array | undefined, number>();
  const byContent = new Map<string, number>();
  const sets: Uint32Array[] = [];
  const setOf = problems.map(({ columns }) => {
    let set = known.get(columns);
    if (set === undefined) {
      const content = (columns ?? all).join();
      set = byContent.get(content) ?? sets.push(columns ?? all) - 1;
      byContent.set(content, set);
      known.set(columns, set);
    }
    return set;
  });
  return { sets, setOf };
}
