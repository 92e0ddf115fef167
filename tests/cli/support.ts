import { fileURLToPath } from "node:url";

/** What a program printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** How the program is started: with the permissions that deno.json grants and no others. */
const programArgs = ["run", "-q", "-P", "--no-prompt", cli];

/** Runs the real program with these permissions, as options of Deno, and no others. */
export async function runSpindleWith(permissions: string[], args: string[]): Promise<Outcome> {
  return await runDeno(["run", "-q", "--no-prompt", ...permissions, cli, ...args]);
}

/** Runs the real program to its end. */
export async function runSpindle(
  args: string[],
  options: Pick<Deno.CommandOptions, "env" | "cwd"> = {},
): Promise<Outcome> {
  return await runDeno([...programArgs, ...args], options);
}

/** Runs TypeScript code in a program of its own; `CLI` in it stands for the folder `src/cli`. */
export async function runCode(
  code: string,
  options: Pick<Deno.CommandOptions, "env"> = {},
): Promise<Outcome> {
  return await runDeno(codeArgs(code), options);
}

/** Starts the real program with its streams as pipes. */
export function startSpindle(args: string[]): Deno.ChildProcess {
  return startDeno([...programArgs, ...args]);
}

/** Starts TypeScript code like {@linkcode runCode}. */
export function startCode(code: string): Deno.ChildProcess {
  return startDeno(codeArgs(code));
}

/** Runs TypeScript code like {@linkcode runCode}, as if stderr were a terminal of that kind. */
export async function runCodeOnTerminal(term: string, code: string): Promise<Outcome> {
  return await runCode(`
    Deno.env.set("TERM", ${JSON.stringify(term)});
    Deno.stderr.isTerminal = () => true;
    Deno.consoleSize = () => ({ columns: 80, rows: 25 });
    ${code}
  `);
}

function codeArgs(code: string): string[] {
  const folder = new URL("../../src/cli", import.meta.url).href;
  return ["eval", "-q", code.replaceAll("CLI/", `${folder}/`)];
}

function startDeno(args: string[]): Deno.ChildProcess {
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(Deno.execPath(), { args, ...streams }).spawn();
}

async function runDeno(
  args: string[],
  options: Pick<Deno.CommandOptions, "env" | "cwd"> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, ...options })
    .output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
