import type { Random } from "../random.ts";

/** The largest seed. */
export const largestSeed = 2 ** 32 - 1;

/**
 * Puts rows in a random order of which every beginning holds the classes in about their shares, and
 * one row of each class as soon as there is room.
 *
 * @param labels The class of each row.
 * @param random Where the chance comes from.
 * @returns The indices of the rows in that order.
 */
export function stratifiedOrder(labels: Int32Array, random: Random): number[] {
  const rowsOfClass = Map.groupBy(labels.keys(), (row) => labels[row]!);
  const placed: { row: number; place: number; label: number }[] = [];
  for (const label of [...rowsOfClass.keys()].sort((a, b) => a - b)) {
    const rows = shuffle(rowsOfClass.get(label)!, random);
    rows.forEach((row, i) => {
      placed.push({ row, label, place: i === 0 ? 0 : (i + random()) / rows.length });
    });
  }
  placed.sort((a, b) => a.place - b.place || a.label - b.label);
  return placed.map(({ row }) => row);
}

/**
 * Chooses rows to hold out, at random and with the classes in about their shares. Rows of the same
 * text are held out together or not at all.
 *
 * @param rows The text and the class of each row.
 * @param share The share of the rows to hold out, rounded up. Where texts repeat, that of each
 * class is; one of which each text has more rows than that gives its text of the fewest.
 * @param random Where the chance comes from.
 * @returns The indices of the rows, which leave one of each class at least; none where no text
 * would.
 */
export function chooseHeldOut(
  { texts, labels }: { readonly texts: readonly string[]; readonly labels: Int32Array },
  share: number,
  random: Random,
): Set<number> {
  const rowsOfText = [...Map.groupBy(texts.keys(), (row) => texts[row]!).values()];
  const order = stratifiedOrder(Int32Array.from(rowsOfText, ([row]) => labels[row!]!), random);
  const repeat = rowsOfText.length < texts.length;
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const left = new Map(counts);
  const heldOut = new Set<number>();
  const ofClasses = (rows: readonly number[]) => [...Map.groupBy(rows, (row) => labels[row]!)];
  const leavesEach = (rows: readonly number[]) =>
    ofClasses(rows).every(([label, { length }]) => length < left.get(label)!);
  const keepsShares = (rows: readonly number[]) =>
    repeat
      ? ofClasses(rows).every(([label, { length }]) => {
        const count = counts.get(label)!;
        return count - left.get(label)! + length <= Math.ceil(share * count);
      })
      : heldOut.size < Math.ceil(share * texts.length);
  const holdOut = (rows: readonly number[]) => {
    for (const [label, { length }] of ofClasses(rows)) left.set(label, left.get(label)! - length);
    for (const row of rows) heldOut.add(row);
  };
  for (const text of order.reverse()) {
    const rows = rowsOfText[text]!;
    if (leavesEach(rows) && keepsShares(rows)) holdOut(rows);
  }
  if (!repeat) return heldOut;
  const none = [...counts.keys()].filter((label) => left.get(label) === counts.get(label));
  for (const label of none.sort((a, b) => counts.get(b)! - counts.get(a)!)) {
    if (heldOut.size > 0 && share * counts.get(label)! < 1) continue;
    const [smallest] = rowsOfText
      .filter((rows) => labels[rows[0]!] === label && leavesEach(rows))
      .sort((a, b) => a.length - b.length);
    if (smallest) holdOut(smallest);
  }
  return heldOut;
}

/** Shuffles in place (Fisher and Yates). */
function shuffle(values: number[], random: Random): number[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}
