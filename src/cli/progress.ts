import { hideStatus, note, showsStatus, showStatus } from "./terminal.ts";

/** The progress of one stage of long work, shown on stderr. */
export interface Progress extends Disposable {
  /** Tells how much of the total is done; what is at first is not this run's work. */
  update(done: number): void;
  /** Ends the stage with a line on what it took. */
  finish(): void;
}

/**
 * Starts to show the progress of a stage: one line that is redrawn on a terminal, and a plain line
 * now and then elsewhere. Disposing it takes the line away, so that an error does not leave it.
 *
 * @param stage What is being done, such as `extract train`.
 * @param total How much there is to do.
 * @param unit What is counted, such as `tokens`.
 */
export function startProgress(stage: string, total: number, unit: string): Progress {
  const isTerminal = showsStatus();
  const start = performance.now();
  const pause = isTerminal ? 100 : 10_000;
  let last = isTerminal ? -Infinity : start;
  let begun: number | undefined;
  let done = 0;
  return {
    update(now) {
      done = now;
      begun ??= now;
      const time = performance.now();
      if (time - last < pause) return;
      last = time;
      const line = progressLine(stage, done, total, unit, (time - start) / 1000, begun);
      if (isTerminal) showStatus(line);
      else note(line);
    },
    finish() {
      hideStatus();
      const run = done - (begun ?? 0);
      note(finishedLine(stage, run, unit, (performance.now() - start) / 1000));
    },
    [Symbol.dispose]() {
      hideStatus();
    },
  };
}

/**
 * Such as `extract train: 42 %, 51,234 of 120,000 tokens, 3,120 tokens/s, 22 s left`.
 *
 * @param begun How much was done before, and took none of the seconds.
 */
export function progressLine(
  stage: string,
  done: number,
  total: number,
  unit: string,
  seconds: number,
  begun = 0,
): string {
  const percent = total > 0 ? Math.floor(100 * Math.min(1, done / total)) : 100;
  const rate = (done - begun) / seconds;
  const parts = [`${percent} %`, `${count(done)} of ${count(total)} ${unit}`];
  if (rate > 0 && Number.isFinite(rate)) {
    parts.push(`${formatRate(rate)} ${unit}/s`);
    parts.push(`${formatSeconds(Math.max(0, total - done) / rate)} left`);
  }
  return `${stage}: ${parts.join(", ")}`;
}

function finishedLine(stage: string, done: number, unit: string, seconds: number): string {
  const rate = done > 0 && seconds > 0 ? `, ${formatRate(done / seconds)} ${unit}/s` : "";
  return `${stage}: ${count(done)} ${unit} in ${formatSeconds(seconds)}${rate}`;
}

/** A duration as people say it: `0.4 s`, `22 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function count(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

function formatRate(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : count(rate);
}
