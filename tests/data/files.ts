import type { Dataset, DatasetFiles } from "../../src/data/dataset.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";

/** Writes files to a new folder, runs `body` there and removes it. */
export async function withFiles(
  files: Record<string, string | Uint8Array>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Loads a file as every split, so that nothing is held out. */
export function loadFile(path: string, columns: Partial<DatasetFiles> = {}): Promise<Dataset> {
  return loadDataset({ train: path, validation: path, test: path, ...columns });
}

/** The label and the text of each row to train on. */
export const rows = ({ train, classes }: Dataset) =>
  train.texts.map((text, i) => [classes[train.labels[i]!], text]);

/** Packs a text. */
export async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
