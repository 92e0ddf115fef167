import { CsvError, parse } from "npm:csv-parse@7.0/sync";
import { carriageReturn, decodeLines, lineFeed, refuseLine } from "./lines.ts";

/** One row of a table. */
export interface Row {
  /** The line at which it begins, from 1. */
  readonly line: number;
  /** Its fields in the order of the columns. */
  readonly fields: string[];
}

/**
 * The rows of tab-separated values, without empty lines; quotes mean nothing.
 *
 * @throws {SpindleError} Where a line is not UTF-8.
 */
export function tsvRows(path: string, bytes: Uint8Array): Row[] {
  return decodeLines(path, bytes)
    .filter(({ text }) => text !== "")
    .map(({ number, text }) => ({ line: number, fields: text.split("\t") }))
    .toArray();
}

/**
 * The rows of comma-separated values, without empty lines.
 *
 * @throws {SpindleError} Where a line is not UTF-8, or quotes are not as they should be.
 */
export function csvRows(path: string, bytes: Uint8Array): Row[] {
  // Only to check that each is UTF-8: a quoted field may span lines, so the parser takes the bytes.
  decodeLines(path, bytes).forEach(() => {});
  const rows: Row[] = [];
  // The parser counts CR LF within quotes twice and passes empty lines over, but knows the bytes.
  const lineAt = lineCounter(bytes);
  let end = 0;
  const nextLine = () => {
    while (bytes[end] === carriageReturn || bytes[end] === lineFeed) end++;
    return lineAt(end);
  };
  try {
    parse(bytes, {
      bom: true,
      skip_empty_lines: true,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      on_record: (fields: string[], info) => {
        rows.push({ line: nextLine(), fields });
        end = info.bytes;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refuseLine(
      path,
      nextLine(),
      error.code === "CSV_QUOTE_NOT_CLOSED"
        ? "opens a quote that is never closed: close it"
        : "begins a row with a misplaced quote: quote the whole field and double the quotes " +
          "inside it",
    );
  }
  return rows;
}

/** Tells the line of a byte, from 1, for bytes that are asked for in their order. */
function lineCounter(bytes: Uint8Array): (position: number) => number {
  let line = 1;
  let next = bytes.indexOf(lineFeed);
  return (position) => {
    for (; next >= 0 && next < position; line++) next = bytes.indexOf(lineFeed, next + 1);
    return line;
  };
}
