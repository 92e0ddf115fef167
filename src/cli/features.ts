import { listStores, removeStore, type StoreSummary } from "../features/list.ts";
import { defaultFeatureFolder } from "../features/location.ts";
import { megabytes } from "../util.ts";
import { defineCommand } from "./command.ts";
import { escapeControls, note, print } from "./terminal.ts";

/** `spindle features`. */
export const command = defineCommand({
  name: "features",
  summary: "List the features that runs have kept on disk and what they are of, or remove some",
  positionals: {},
  options: {
    remove: {
      type: "text",
      value: "NAME",
      description: 'Remove the features of that name, or "all"; not while a run uses them',
    },
    features: {
      type: "text",
      value: "FOLDER",
      description: "Where they lie; default spindle/features in the user's cache folder",
    },
  },
  example: "features --remove all",
  // deno-lint-ignore require-await
  async run({ remove, features }) {
    const parent = features ?? defaultFeatureFolder();
    const stores = listStores(parent);
    const isAboutAll = remove === undefined || remove === "all";
    if (isAboutAll && stores.length === 0) note(`There are no features in ${parent}`);
    if (remove !== undefined) {
      const names = remove === "all" ? stores.map(({ name }) => name) : [remove];
      for (const name of names) {
        const { folder, bytes } = removeStore(parent, name);
        print(`removed ${folder} (${megabytes(bytes)})`);
      }
      return;
    }
    for (const store of stores) print(describeStore(store));
  },
});

function describeStore({ name, bytes, texts, modified, use }: StoreSummary): string {
  const count = `${texts ?? "?"} texts`.padStart(13);
  const day = modified?.toISOString().slice(0, 10) ?? "";
  const what = use === undefined ? `begun ${day}` : `used ${day}  ${use.source} with ${use.model}`;
  return escapeControls(`${name}  ${megabytes(bytes).padStart(10)}  ${count}  ${what}`);
}
