/** How weight decay enters: solved in the proximal step, applied before it (AdamW), or as a penalty in the loss. */
export type DecayForm = 'proximal' | 'decoupled' | 'penalty';

/** The checked numbers of one optimiser; what MoMo, MoMo-Adam and SPS differ in. */
export interface ModelConfig {
  beta: number;
  /** null for no preconditioner. */
  beta2: number | null;
  epsilon: number;
  weightDecay: number;
  decay: DecayForm;
  /** The floor of the lower bound, and its value unless useFstar. */
  lowerBound: number;
  /** Averages start from zero and are corrected by rho. */
  zeroInit: boolean;
  useFstar: boolean;
}
