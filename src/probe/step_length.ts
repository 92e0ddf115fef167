import { softplus } from "./objective.ts";

/** A regression along a direction: its objective is known of any share of it, and any intercept. */
export interface Line {
  readonly C: number;
  /** One a row. */
  readonly isPositive: readonly boolean[];
  /** The margins with the intercept, and what the whole step adds to them. */
  readonly margins: Float64Array;
  readonly changes: Float64Array;
  /** What a share of the step adds to the penalty: `slope * share + curvature / 2 * share^2`. */
  readonly penalty: { readonly slope: number; readonly curvature: number };
}

/** A share of a step, and what the intercept changes by. */
export interface StepLength {
  readonly step: number;
  readonly shift: number;
  /** The objective there, but for a constant. */
  readonly value: number;
}

const maxRounds = 20;
const maxHalvings = 30;
/** A gain that is a smaller share of the objective ends the search. */
const smallGain = 1e-12;

/** The least objective over all intercepts and steps from `low` to `high`, by Newton's method. */
export function bestStep(line: Line, low: number, high: number): StepLength {
  let here = evaluate(line, low, 0);
  for (let round = 0; round < maxRounds; round++) {
    const { slope: [s, t], hessian: [a, b, c] } = here;
    const determinant = a * c - b * b;
    if (!(determinant > 0)) break;
    const goal = here.step - (c * s - b * t) / determinant;
    let dStep = Math.min(high, Math.max(low, goal)) - here.step;
    let dShift = -(t + b * dStep) / c;
    const next = () => evaluate(line, here.step + dStep, here.shift + dShift);
    let there = next();
    for (let half = 0; there.value > here.value && half < maxHalvings; half++) {
      [dStep, dShift] = [dStep / 2, dShift / 2];
      there = next();
    }
    if (!(there.value < here.value)) break;
    const gained = here.value - there.value;
    here = there;
    if (gained < smallGain * here.value) break;
  }
  return here;
}

function evaluate(
  { C, isPositive, margins, changes, penalty }: Line,
  step: number,
  shift: number,
) {
  const sums = { loss: 0, step: 0, shift: 0, stepStep: 0, stepShift: 0, shiftShift: 0 };
  for (let i = 0; i < margins.length; i++) {
    const change = changes[i]!;
    const z = margins[i]! + step * change + shift;
    const p = 1 / (1 + Math.exp(-z));
    const error = isPositive[i] ? p - 1 : p;
    const curvature = p * (1 - p);
    sums.loss += softplus(isPositive[i] ? -z : z);
    sums.step += error * change;
    sums.shift += error;
    sums.stepStep += curvature * change ** 2;
    sums.stepShift += curvature * change;
    sums.shiftShift += curvature;
  }
  return {
    step,
    shift,
    value: C * sums.loss + step * penalty.slope + step * step * penalty.curvature / 2,
    slope: [C * sums.step + penalty.slope + step * penalty.curvature, C * sums.shift],
    hessian: [C * sums.stepStep + penalty.curvature, C * sums.stepShift, C * sums.shiftShift],
  } as const;
}
