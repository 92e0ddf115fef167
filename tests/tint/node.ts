/** What the tests' modules import of Node, for a browser: there are no files and no environment. */

export default {};

export const existsSync = () => false;

export const statfsSync = () => ({ bavail: 0, bsize: 0 });

export const dirname = (path: string) => path;

export const join = (...parts: string[]) => parts.join("/");

export const fileURLToPath = (url: URL) => url.pathname;
