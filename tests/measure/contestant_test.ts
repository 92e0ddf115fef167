import assert from "node:assert/strict";
import { roundRobin } from "../../src/measure/contestant.ts";

Deno.test("roundRobin() lets everyone run before anyone runs again", async () => {
  const order: string[] = [];
  const contestant = (name: string) => ({
    run: () => {
      order.push(name);
      return Promise.resolve({ wall: order.length, timestamps: NaN, processor: NaN });
    },
  });
  const times = await roundRobin([contestant("a"), contestant("b")], 2);
  assert.deepEqual(order, ["a", "b", "a", "b"]);
  assert.deepEqual(times.map((list) => list.map(({ wall }) => wall)), [[1, 3], [2, 4]]);
});

Deno.test("roundRobin() leaves out who has had its rounds", async () => {
  const run = () => Promise.resolve({ wall: 1, timestamps: NaN, processor: NaN });
  const times = await roundRobin([{ run }, { run, rounds: 2 }], 3);
  assert.deepEqual(times.map((list) => list.length), [3, 2]);
});
