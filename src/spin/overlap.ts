/**
 * Runs a task for each item, two at a time: while one waits for the GPU, the host prepares the
 * next. Results come in the order of the items.
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
      results[at] = await task(items[at]!);
    }
  };
  await Promise.all([work(), work()]);
  return results;
}
