import { registerCleanUp } from "../clean_up.ts";
import { cannot } from "../formats/files.ts";
import { isGranted } from "../util.ts";
import { exit } from "./exit.ts";

const encoder = new TextEncoder();
let status = "";
registerCleanUp(hideStatus);

/** Prints a line of results on stdout. */
export function print(text: string): void {
  const shown = Deno.stdout.isTerminal() ? hideStatus() : "";
  write(Deno.stdout, `${text}\n`);
  showStatus(shown);
}

/** Prints a line of progress, warning or error on stderr. */
export function note(text: string): void {
  const shown = hideStatus();
  write(Deno.stderr, `${text}\n`);
  showStatus(shown);
}

/** A text in one line and one column. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether stderr is a terminal that can take a line away again. */
export function showsStatus(): boolean {
  const variable = "TERM";
  const isDumb = isGranted({ name: "env", variable }) && Deno.env.get(variable) === "dumb";
  return Deno.stderr.isTerminal() && !isDumb;
}

/** Shows a line on the terminal that the next one replaces. */
export function showStatus(line: string): void {
  if (line === "" && status === "") return;
  // A line that wraps could not be replaced, so it is cut.
  status = line.slice(0, (Deno.consoleSize().columns || 80) - 1);
  write(Deno.stderr, `\r\x1b[2K${status}`);
}

/** Takes the status line away; returns it so that it can be shown again. */
export function hideStatus(): string {
  const shown = status;
  showStatus("");
  return shown;
}

function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  } catch (error) {
    if (stream === Deno.stderr) return; // the work goes on where nobody is told of it
    // The reader has seen enough, as in `spindle ... | head`.
    if (error instanceof Deno.errors.BrokenPipe) exit(0);
    throw cannot("write to stdout", error);
  }
}
