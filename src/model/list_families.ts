import { basename, join } from "node:path";

/**
 * The source text of `families/mod.ts`: a list of the files beside it.
 *
 * The list is text in a file, not read from the folder at run time, for a module that is imported
 * by URL has no folder.
 */
export function listFamilies(folder: string): string {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => basename(name, ".ts"))
    .filter((name) => name !== "mod").sort();
  const exported = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  return [
    "// Written by `deno task families`: a family is added by adding its file.",
    'import type { Family } from "../spec.ts";',
    ...names.map((name) => `import { ${exported(name)} } from "./${name}.ts";`),
    "",
    "/** Every family that can be loaded. */",
    "export const families: readonly Family[] = [",
    ...names.map((name) => `  ${exported(name)},`),
    "];",
    "",
  ].join("\n");
}

if (import.meta.main) {
  const folder = join(import.meta.dirname!, "families");
  Deno.writeTextFileSync(join(folder, "mod.ts"), listFamilies(folder));
}
