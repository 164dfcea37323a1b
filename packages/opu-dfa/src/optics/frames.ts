// M frames, C inputs (mirrors).
import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Checks frames for a light modulator. @throws TypeError, RangeError, ShapeError unless they are [count, inputs] of 0 and 1 */
export function checkFrames(where: string, frames: Uint8Array, count: number, inputs: number): void {
  checkNumber(where, 'count', count, { min: 1, integer: true });
  if (!(frames instanceof Uint8Array)) {
    throw new TypeError(argumentMessage(where, 'frames', 'be a Uint8Array of 0 and 1', frames));
  }
  if (frames.length !== count * inputs) {
    const wanted = `have ${count} x ${inputs} numbers, one for each input of each frame`;
    throw new ShapeError(argumentMessage(where, 'frames', wanted, frames));
  }
  const other = frames.find((bit) => bit > 1);
  if (other !== undefined) {
    const fix = 'A mirror is on or off: encode numbers first, with encodeBitPlanes or thresholdCode.';
    throw new RangeError(argumentMessage(where, 'frames', 'consist of 0 and 1', other, fix));
  }
}

/** Ternary codes as frames for two shots. */
export interface TernaryFrames {
  /** Where codes are above 0, then where they are below: [2 M, C]. */
  frames: Uint8Array;
  /** s, the magnitude of the codes; 1 where all are 0. */
  magnitude: number;
}

/**
 * Codes 0, s and -s of one magnitude s as binary frames.
 *
 * @param codes  [M, C], row after row
 * @throws RangeError for NaN, Infinity and codes of several magnitudes
 */
export function ternaryFrames(where: string, codes: ArrayLike<number>): TernaryFrames {
  const { length } = codes;
  const frames = new Uint8Array(2 * length);
  let magnitude = 0;
  for (let i = 0; i < length; i++) {
    const code = codes[i]!;
    if (code === 0) continue;
    if (magnitude === 0 && Number.isFinite(code)) magnitude = Math.abs(code);
    if (Math.abs(code) !== magnitude) {
      const fix = 'Errors are shown in ternary code: take ternarize(e).';
      throw new RangeError(argumentMessage(where, 'e', 'consist of 0, s and -s with one s', code, fix));
    }
    frames[code > 0 ? i : length + i] = 1;
  }
  return { frames, magnitude: magnitude || 1 };
}

/** Frames [count, outputs] on the first of all mirrors, [count, inputs]. */
export function onMirrors(frames: Uint8Array, count: number, outputs: number, inputs: number): Uint8Array {
  if (outputs === inputs) return frames;
  const shown = new Uint8Array(count * inputs);
  for (let i = 0; i < count; i++) shown.set(frames.subarray(i * outputs, (i + 1) * outputs), i * inputs);
  return shown;
}
