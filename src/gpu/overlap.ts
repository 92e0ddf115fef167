/**
 * Runs a task for each item, two at a time: while one waits for the GPU, the host prepares the
 * next. Results come in the order of the items. Where a task fails, no other begins, and it is told
 * once the one beside it has ended.
 */
export async function mapOverlapping<Item, Result>(
  items: readonly Item[],
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const at = next++;
      try {
        results[at] = await task(items[at]!);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  for (const worker of await Promise.allSettled([work(), work()])) {
    if (worker.status === "rejected") throw worker.reason;
  }
  return results;
}
