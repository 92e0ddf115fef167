import { listStores, removeStore, type StoreSummary } from "../features/list.ts";
import { defaultFeatureFolder } from "../features/location.ts";
import { megabytes, SpindleError } from "../util.ts";
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
      description:
        'Remove the features of that name, or "all", and no others\' files; a run that uses them then fails',
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
    const all = listStores(parent);
    const stores = remove === undefined || remove === "all"
      ? all
      : [findNamed(all, parent, remove)];
    if (stores.length === 0) note(escapeControls(`There are no features in ${parent}`));
    if (remove === undefined) {
      for (const store of stores) print(describeStore(store));
    } else removeAll(stores);
  },
});

/** Removes what can be removed, and then tells why something cannot. */
function removeAll(stores: readonly StoreSummary[]): void {
  let failure: SpindleError | undefined;
  for (const store of stores) {
    try {
      removeStore(store);
      print(escapeControls(`removed ${store.folder} (${megabytes(store.bytes)})`));
    } catch (error) {
      if (!(error instanceof SpindleError)) throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
}

function findNamed(stores: readonly StoreSummary[], parent: string, wanted: string): StoreSummary {
  const found = stores.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw new SpindleError(
    `Cannot remove the features "${wanted}" as "${parent}" holds none of that name: list them first`,
  );
}

function describeStore({ name, bytes, texts, modified, use }: StoreSummary): string {
  const count = `${texts ?? "?"} texts`.padStart(13);
  const day = modified?.toISOString().slice(0, 10) ?? "";
  const what = use === undefined ? `begun ${day}` : `used ${day}  ${use.source} with ${use.model}`;
  return escapeControls(`${name}  ${megabytes(bytes).padStart(10)}  ${count}  ${what}`);
}
