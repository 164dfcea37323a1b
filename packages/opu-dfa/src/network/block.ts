import type { ActivationName } from './activations';
import type { AffineMap } from './affine-map';
import type { Tail } from './tail';

export type { Tail } from './tail';

/** A trained layer and what follows it until the next one: tail(phi(map(h))). Errors are fed back to its end. */
export interface Block {
  /** Of its parameters: NAME.weight, NAME.bias. */
  readonly name: string;
  readonly map: AffineMap;
  readonly activation: ActivationName;
  readonly tail: Tail | null;
  /** Of the first block: what comes before the map. */
  readonly entrance?: Tail | null;
}
