import { isJsonObject, type JsonObject, parseStrictJson } from "../formats/json.ts";
import { beginningOf, countOf, messageOf, SpindleError } from "../util.ts";
import { carriageReturn, decodeLines, lineFeed, readUnpacked, refuseLine } from "./lines.ts";
import { csvRows, type Row, tsvRows } from "./rows.ts";

/** A labelled text and where it stands. */
export interface LabelledText {
  /** The text, as the file holds it. */
  readonly text: string;
  /** The label, without blanks at its ends. */
  readonly label: string;
  /** The line at which its row begins, from 1. */
  readonly line: number;
}

/** The names of the columns to read. */
export interface Columns {
  /** The column of the texts. */
  readonly text: string;
  /** The column of the labels. */
  readonly label: string;
}

/** The columns to read where no others are named. */
export const defaultColumns: Columns = { text: "text", label: "label" };

type Reader = (path: string, bytes: Uint8Array, columns: Columns) => LabelledText[];

/** What is advised where a row has too few fields or too many. */
const commaAdvice = "put those that hold commas in quotes";
const tabAdvice = "quotes mean nothing in .tsv, so save what holds tabs or line ends as .csv";

const readers: readonly [ending: string, read: Reader][] = [
  [".csv", (path, bytes, columns) => fromTable(path, csvRows(path, bytes), columns, commaAdvice)],
  [".tsv", (path, bytes, columns) => fromTable(path, tsvRows(path, bytes), columns, tabAdvice)],
  [".jsonl", fromJsonLines],
];

/** What is advised where a line holds something else. */
const oneObject = "write one object a line, with a text and a label";

/** So many names of columns are listed at most in a message. */
const mostNames = 20;

/**
 * Reads labelled texts from a file of comma- or tab-separated values with a header, or of JSON
 * lines; its ending tells which, in whatever case: .csv, .tsv or .jsonl, with .gz behind it when
 * packed. Empty lines are passed over. Tab-separated fields are taken as they are: quotes mean
 * nothing there.
 *
 * @param path The file's path.
 * @param columns The columns of the texts and the labels.
 * @returns The labelled texts in the order of the file, at least one.
 * @throws {SpindleError} Where the file cannot be read or a row is not as it should be.
 */
export async function readLabelledFile(path: string, columns: Columns): Promise<LabelledText[]> {
  const plain = path.toLowerCase().replace(/\.gz$/, "");
  const read = readers.find(([ending]) => plain.endsWith(ending))?.[1];
  if (read === undefined) {
    throw new SpindleError(
      `Cannot read "${path}" as its ending is unknown: .csv, .tsv or .jsonl is needed, or one of ` +
        `them with .gz`,
    );
  }
  const bytes = await readUnpacked(path);
  requireNarrowCharacters(path, bytes);
  requireLineFeeds(path, bytes);
  const rows = read(path, bytes, columns);
  if (rows.length === 0) {
    throw new SpindleError(`Cannot read "${path}" as it has no rows: labelled texts are needed`);
  }
  return rows;
}

/** Letters of two bytes each, of which one is mostly zero, would be taken for names of columns. */
function requireNarrowCharacters(path: string, bytes: Uint8Array): void {
  const feed = bytes.indexOf(lineFeed);
  const zero = bytes.indexOf(0);
  if (zero < 0 || feed >= 0 && zero > feed) return;
  throw new SpindleError(`Cannot read "${path}" as it looks like UTF-16: save it as UTF-8`);
}

/** A file of one line that holds CR is one of many lines, which no reader would tell apart. */
function requireLineFeeds(path: string, bytes: Uint8Array): void {
  const feed = bytes.indexOf(lineFeed);
  const bare = bytes.indexOf(carriageReturn);
  const isOneLine = feed < 0 || feed === bytes.length - 1;
  // What stands at the end of the one line belongs to its end.
  const end = bytes.length - (feed < 0 ? 1 : 2);
  if (!isOneLine || bare < 0 || bare >= end) return;
  throw new SpindleError(
    `Cannot read "${path}" as its lines end in CR alone: save it with lines that end in LF`,
  );
}

function fromTable(
  path: string,
  rows: Row[],
  columns: Columns,
  fieldAdvice: string,
): LabelledText[] {
  if (rows.length === 0) return [];
  const header = rows[0]!.fields;
  const textColumn = findColumn(path, header, columns, "text");
  const labelColumn = findColumn(path, header, columns, "label");
  return rows.slice(1).map(({ line, fields }) => {
    if (fields.length !== header.length) {
      throw refuseLine(
        path,
        line,
        `has ${countOf(fields.length, "field")} where the header has ${header.length}: ` +
          fieldAdvice,
      );
    }
    const label = requireLabel(path, line, fields[labelColumn]!);
    return { text: fields[textColumn]!, label, line };
  });
}

/** A header without a column is often one with another separator than the ending says. */
function requireSeparator(path: string, header: readonly string[], wanted: string): void {
  const separators = { semicolons: ";", "vertical bars": "|", tabs: "\t", commas: "," };
  const found = Object.entries(separators).find(([, mark]) =>
    header.length === 1
      ? header[0]!.includes(mark)
      : header.some((name) => name.split(mark).includes(wanted))
  );
  if (found === undefined) return;
  throw new SpindleError(
    `Cannot read "${path}" as its header is separated by ${found[0]}: save it with commas as ` +
      ".csv, or with tabs as .tsv",
  );
}

function findColumn(
  path: string,
  header: string[],
  columns: Columns,
  role: keyof Columns,
): number {
  const name = columns[role];
  const column = header.indexOf(name);
  if (column < 0) {
    requireSeparator(path, header, name);
    throw refuseColumn(path, header, role, `has no column "${name}"`);
  }
  if (header.lastIndexOf(name) !== column) {
    throw refuseColumn(path, header, role, `has more than one column "${name}"`);
  }
  return column;
}

/** The advice names the option of the library and that of the command line, which are alike. */
function refuseColumn(
  path: string,
  names: string[],
  role: keyof Columns,
  reason: string,
): SpindleError {
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  const advice = names.length > 0
    ? `set ${role} (--${role}) to one of ` +
      names.slice(0, mostNames).map((name) => JSON.stringify(beginningOf(name))).join(", ") + more
    : "a text and a label are needed";
  return new SpindleError(`Cannot read "${path}" as it ${reason}: ${advice}`);
}

function requireLabel(path: string, line: number, label: string): string {
  const trimmed = trimBlanks(label);
  if (trimmed === "") throw refuseLine(path, line, "has an empty label: every text needs one");
  return trimmed;
}

/**
 * A text without blanks at its ends; U+FEFF is one only for `trim`. One expression for both ends
 * would take time with the square of a run of blanks.
 */
function trimBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && /[^\S\uFEFF]/.test(text[end - 1]!)) end--;
  return text.slice(0, end).replace(/^[^\S\uFEFF]+/, "");
}

function fromJsonLines(path: string, bytes: Uint8Array, columns: Columns): LabelledText[] {
  return decodeLines(path, bytes)
    .filter(({ text }) => trimBlanks(text) !== "")
    .map(({ number, text }) =>
      fromJson(path, number, parseLine(path, number, text, columns.label), columns)
    )
    .toArray();
}

function parseLine(path: string, line: number, text: string, label: string): JsonObject {
  let value: unknown;
  try {
    // A number that a float cannot hold is kept as it is written, as a label may be one.
    value = parseStrictJson(
      text,
      (key, value, { source }) => key === label && isBeyondFloats(value) ? source : value,
    );
  } catch (error) {
    throw refuseLine(
      path,
      line,
      error instanceof RangeError
        ? "is nested too deeply: an object with a text and a label is needed"
        : `is not valid JSON (${messageOf(error)}): ${oneObject}`,
    );
  }
  if (isJsonObject(value)) return value;
  throw refuseLine(path, line, `is not a JSON object: ${oneObject}`);
}

/** Whether a value is a number so large that floats do not tell it from its neighbours. */
function isBeyondFloats(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

function fromJson(path: string, line: number, value: JsonObject, columns: Columns): LabelledText {
  for (const role of ["text", "label"] as const) {
    const name = columns[role];
    if (Object.hasOwn(value, name)) continue;
    throw refuseColumn(path, Object.keys(value), role, `has no "${name}" in its line ${line}`);
  }
  const refuse = (role: keyof Columns, wanted: string) => {
    const name = columns[role];
    const found = value[name];
    const shown = beginningOf(typeof found === "number" ? `${found}` : JSON.stringify(found));
    return refuseLine(path, line, `has ${shown} as its "${name}": ${wanted} is needed`);
  };
  const text = value[columns.text];
  if (typeof text !== "string") throw refuse("text", "a text in quotes");
  const label = value[columns.label];
  if (!["string", "number", "boolean"].includes(typeof label)) {
    throw refuse("label", "a text in quotes, a number, true or false");
  }
  return { text, label: requireLabel(path, line, String(label)), line };
}
