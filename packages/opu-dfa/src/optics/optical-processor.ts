import type { random } from '@tfsci/tensor-core';

/** Quarter turns of the reference wave: its phase is k pi / 2. */
export type ReferencePhase = 0 | 1 | 2 | 3;

/** Counts of a camera, frame after frame. */
export type CameraCounts = Uint8Array | Uint16Array | Float32Array;

/** How frames are measured. */
export interface MeasureOptions {
  /** Of the reference wave; null (default): the reference is blocked, and counts are of |x R|^2. */
  phase?: ReferencePhase | null;
  /** For the noise of a simulation; a device has its own. */
  key?: random.Key;
  signal?: AbortSignal;
}

/**
 * What a driver of an optical processor does: it shows binary frames on a light modulator and reads the camera behind the
 * scattering medium. All values are in arrays of the host.
 *
 * A linear projection needs two shots of each frame, with the reference in phase and in opposite phase. Between them the medium,
 * the laser and the exposure have to stay as they are.
 *
 * @example A driver:
 * class BenchProcessor implements OpticalProcessor {
 *   readonly inputs = 1024 * 768; // mirrors
 *   readonly outputs = 2048; // pixels that are read
 *   readonly saturation = 255; // of an 8-bit camera
 *
 *   async measure(frames: Uint8Array, count: number, { phase = null, signal }: MeasureOptions = {}) {
 *     const counts = new Uint8Array(count * this.outputs);
 *     if (phase === null) await shutter.close();
 *     else await phaseShifter.turn((phase * Math.PI) / 2).then(() => shutter.open());
 *     for (let i = 0; i < count; i++) {
 *       signal?.throwIfAborted();
 *       await mirrors.show(frames.subarray(i * this.inputs, (i + 1) * this.inputs));
 *       counts.set(await camera.read(this.outputs), i * this.outputs);
 *     }
 *     return counts;
 *   }
 * }
 */
export interface OpticalProcessor {
  /** C, mirrors, or groups of mirrors that show one number. */
  readonly inputs: number;
  /** N, pixels of the camera. */
  readonly outputs: number;
  /** The count of a full pixel; null where it is not known. */
  readonly saturation: number | null;
  /**
   * Shows frames one after the other and measures each.
   *
   * @param frames   0 or 1 for each mirror, [count, C], row after row
   * @param count    of frames
   * @returns counts [count, N], row after row
   */
  measure(frames: Uint8Array, count: number, options?: MeasureOptions): Promise<CameraCounts>;
}
