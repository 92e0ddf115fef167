import config from "../../deno.json" with { type: "json" };
import { messageOf, SpindleError, UsageError } from "../util.ts";
import { parseArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commands, loadCommand } from "./commands.ts";
import { exit, exitOnInterrupt } from "./exit.ts";
import { commandHelp, programHelp } from "./help.ts";
import { nearest } from "./suggest.ts";
import { escapeControls, note, print } from "./terminal.ts";

/** Runs the program and ends it with the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function main(args: string[]): Promise<never> {
  const debug = args.includes("--debug");
  const fail = (error: unknown) => exit(report(error, debug));
  globalThis.addEventListener("unhandledrejection", (event) => fail(event.reason));
  globalThis.addEventListener("error", (event) => fail(event.error));
  exitOnInterrupt();
  try {
    exit(await dispatch(args));
  } catch (error) {
    return fail(error);
  }
}

async function dispatch([name, ...args]: string[]): Promise<number> {
  if (name === undefined) {
    note(programHelp(await loadAll()));
    return 2;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    const topic = args.find((word) => word !== "--help" && word !== "-h");
    print(
      topic === undefined ? programHelp(await loadAll()) : commandHelp(await findCommand(topic)),
    );
    return 0;
  }
  if (name === "--version") {
    print(config.version);
    return 0;
  }
  const command = await findCommand(name);
  const { help, values } = parseArguments(command, args);
  if (!help) return await command.run(values) ?? 0;
  print(commandHelp(command));
  return 0;
}

async function loadAll(): Promise<Command[]> {
  return await Promise.all(Object.values(commands).map(async (load) => (await load()).command));
}

async function findCommand(name: string): Promise<Command> {
  const command = await loadCommand(name);
  if (command) return command;
  const names = Object.keys(commands);
  const match = nearest(name, names);
  const advice = match === undefined ? `there is ${names.join(", ")}` : `did you mean "${match}"?`;
  throw new UsageError(`Unknown command "${name}": ${advice}`);
}

/** Says in one line what went wrong; returns the exit code. */
function report(error: unknown, debug: boolean): number {
  if (debug) note(Deno.inspect(error));
  const message = escapeControls(messageOf(error));
  const isExpected = error instanceof SpindleError;
  note(
    isExpected
      ? `spindle: ${message}`
      : `spindle: unexpected: ${message} (run again with --debug for the stack)`,
  );
  return error instanceof UsageError ? 2 : 1;
}
