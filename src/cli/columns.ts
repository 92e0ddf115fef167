/**
 * Lines of a table, two spaces between its columns.
 *
 * @param rows The cells, as many in each row.
 * @param left How many of the first columns are flush left: the others are flush right, as numbers
 * are.
 */
export function alignColumns(rows: readonly (readonly string[])[], left: number): string[] {
  const widths = rows[0]!.map((_, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]!.length), 0)
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column < left ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  );
}
