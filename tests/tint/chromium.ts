import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Outcome, Post, Summary } from "./page.ts";

/** The Chromium to use: that of `CHROMIUM`, or one in `PATH`; undefined where there is none. */
export function findChromium(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return Deno.env.get("CHROMIUM") || paths.find((path) => existsSync(path));
}

/** Bundles the page's script with everything that it imports. */
export async function bundlePage(): Promise<string> {
  const [entry, importMap] = ["page.ts", "import_map.json"].map((name) =>
    fileURLToPath(new URL(name, import.meta.url))
  );
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "-q", "--platform", "browser", "--import-map", importMap!, entry!],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A test that takes longer hangs, on a slow machine too: compilers have been seen to. */
const silenceLimit = 600_000;

/** Runs the page in a headless Chromium on its software adapter. */
export async function runPage(
  chromium: string,
  script: string,
): Promise<{ outcomes: Outcome[]; summary: Summary }> {
  const outcomes: Outcome[] = [];
  const done = Promise.withResolvers<Summary>();
  const fail = (reason: string) => done.reject(new Error(reason));
  let silence: ReturnType<typeof setTimeout> | undefined;
  const expectMore = (after: string) => {
    clearTimeout(silence);
    silence = setTimeout(
      () => fail(`Chromium says nothing in ${silenceLimit / 1000} s after ${after}`),
      silenceLimit,
    );
  };
  const onPost = (post: Post) => {
    if (post.kind === "summary") return done.resolve(post);
    expectMore(`the ${post.kind} of "${post.name}"`);
    if (post.kind === "outcome") outcomes.push(post);
  };
  await using server = servePage(script, onPost);
  const profile = Deno.makeTempDirSync();
  const process = startChromium(chromium, profile, server.addr.port);
  process.status.then(({ code }) => fail(`Chromium ended with ${code} before the page was done`));
  try {
    expectMore("its start");
    return { summary: await done.promise, outcomes };
  } finally {
    clearTimeout(silence);
    process.kill();
    await process.status;
    await removeProfile(profile);
  }
}

/** Chromium's helper processes may write to its profile for a moment after it has ended. */
async function removeProfile(profile: string): Promise<void> {
  for (let tries = 50;; tries--) {
    try {
      return Deno.removeSync(profile, { recursive: true });
    } catch (error) {
      if (tries === 0) throw error;
      await delay(200);
    }
  }
}

function servePage(script: string, onPost: (post: Post) => void) {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async (request) => {
    if (request.method === "POST") {
      onPost(await request.json());
      return new Response();
    }
    const isScript = new URL(request.url).pathname === "/page.js";
    const [body, type] = isScript
      ? [script, "text/javascript"]
      : ['<!doctype html><script type="module" src="/page.js"></script>', "text/html"];
    return new Response(body, { headers: { "content-type": type } });
  });
}

function startChromium(chromium: string, profile: string, port: number): Deno.ChildProcess {
  return new Deno.Command(chromium, {
    args: [
      "--headless",
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--disable-dev-shm-usage",
      `--user-data-dir=${profile}`,
      `http://127.0.0.1:${port}/`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
}
