import type { ProgressView, TrainingProgress } from '../log';

/** What is used of a stream such as process.stderr. */
export interface TerminalStream {
  write(text: string): unknown;
  /** Whether it is a terminal, which can draw a line anew. */
  isTTY?: boolean | undefined;
  /** Its width in characters. */
  columns?: number | undefined;
}

/** Options of `terminalProgress`. */
export interface TerminalProgressOptions {
  /** Stands before everything, default nothing. */
  title?: string;
  /** Default process.stderr. */
  stream?: TerminalStream;
  /** Seconds between the lines where the stream is no terminal, default 10. */
  every?: number;
}

/** Milliseconds between two drawings on a terminal. */
const REDRAW_AFTER = 100;
/** The speed is that of the last so many milliseconds, of which so many are told apart. */
const SPEED_SPAN = 20_000;
const SAMPLE_AFTER = 500;
const BAR = 20;
const CLEAR_TO_END = '\u001b[K';

/**
 * How far a run is, in a terminal: one line that is drawn anew, with a bar, steps a second, the time left and the latest
 * values. In a pipe or a file plain lines without control characters, one each `every` seconds and one at the end.
 */
export function terminalProgress({
  title = '',
  stream = process.stderr,
  every = 10,
}: TerminalProgressOptions = {}): ProgressView {
  let latest: TrainingProgress | null = null;
  let shownAt = -Infinity;
  let samples: Sample[] = [];
  const before = title === '' ? '' : `${title} `;

  const draw = (progress: TrainingProgress): void => {
    const speed = samples[0] ? speedWords(progress, samples[0]) : [];
    const words = [`${progress.step}/${progress.steps}`, ...speed, ...valueWords(progress)];
    const { step, steps } = progress;
    if (!stream.isTTY) {
      stream.write(`${before}${percent(step, steps)} ${words.join(', ')}\n`);
      return;
    }
    const filled = Math.floor((BAR * step) / steps);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR - filled);
    const line = `${before}${bar} ${percent(step, steps)} ${words.join(', ')}`;
    // A line that wraps could not be drawn over.
    stream.write(`\r${line.slice(0, (stream.columns ?? 80) - 1)}${CLEAR_TO_END}`);
  };

  return {
    show(progress) {
      const now = performance.now();
      if (latest === null) samples = [];
      latest = progress;
      const { step } = progress;
      if (now - (samples.at(-1)?.time ?? -Infinity) >= SAMPLE_AFTER) samples.push({ time: now, step });
      while (now - (samples[1]?.time ?? now) >= SPEED_SPAN) samples.shift();
      if (now - shownAt < (stream.isTTY ? REDRAW_AFTER : 1000 * every)) return;
      shownAt = now;
      draw(progress);
    },
    end() {
      if (latest === null) return;
      draw(latest);
      if (stream.isTTY) stream.write('\n');
      latest = null;
      shownAt = -Infinity;
    },
  };
}

function percent(step: number, steps: number): string {
  return `${Math.floor((100 * step) / steps)}%`;
}

/** Where the run stood at a time. */
interface Sample {
  time: number;
  step: number;
}

/** Steps a second since the sample and the time left; nothing before the first step of this session. */
function speedWords({ step, steps }: TrainingProgress, first: Sample): string[] {
  const speed = (1000 * (step - first.step)) / (performance.now() - first.time);
  if (!(speed > 0) || speed === Infinity) return [];
  const left = step < steps ? [`${duration((steps - step) / speed)} left`] : [];
  return [`${Number(speed.toPrecision(3))} steps/s`, ...left];
}

function valueWords({ epoch, values }: TrainingProgress): string[] {
  const named = Object.entries(values).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
  return epoch > 0 ? [`epoch ${epoch.toFixed(2)}`, ...named] : named;
}

/** 7 s, 1:05 min or 2:03:04 h. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours > 0) return `${hours}:${two(minutes)}:${two(rest)} h`;
  return minutes > 0 ? `${minutes}:${two(rest)} min` : `${rest} s`;
}
