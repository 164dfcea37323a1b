/** Gradients of a step are not finite; the step was not taken. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';

  constructor(
    where: string,
    /** The step that was not taken, from 0. */
    readonly step: number,
  ) {
    super(
      `${where}: gradients must be finite, got a NaN or infinite value at step ${step}. ` +
        `The weights are as before the step; look at the batch, or set nonFinite: 'skip'.`,
    );
  }
}
