import { cleanUp } from "../clean_up.ts";

/** Ends the program at once, after the registered clean-ups. */
export function exit(code: number): never {
  cleanUp();
  Deno.exit(code);
}

/** From now on Ctrl-C, or a request to end, runs the clean-ups and ends the program quietly. */
export function exitOnInterrupt(): void {
  Deno.addSignalListener("SIGINT", () => exit(130));
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => exit(143));
}
