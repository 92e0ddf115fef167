import type { Command } from "./command.ts";

/** The commands by name, each loaded when it is needed. */
export const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  run: () => import("./run.ts"),
  classify: () => import("./classify.ts"),
  explain: () => import("./explain.ts"),
  verify: () => import("./verify.ts"),
  features: () => import("./features.ts"),
  models: () => import("./models.ts"),
  probe: () => import("./probe.ts"),
  convert: () => import("./convert.ts"),
  bench: () => import("./bench.ts"),
  doctor: () => import("./doctor.ts"),
};

/** Loads a command; undefined where there is none of that name. */
export async function loadCommand(name: string): Promise<Command | undefined> {
  if (!Object.hasOwn(commands, name)) return undefined;
  return (await commands[name]!()).command;
}
