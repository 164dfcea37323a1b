import type { RdpEpsilon } from './rdp-conversion';

/** Larger ones are no small probability, and data sets often have more examples than one over it. */
const LARGE_DELTA = 1e-3;

/** What a reader of an epsilon by Rényi divergences has to know; null when there is nothing. */
export function rdpWarning(found: RdpEpsilon, orders: readonly number[], delta: number): string | null {
  const warnings = [edgeWarning(found, orders), deltaWarning(delta)].filter((warning) => warning !== null);
  return warnings.length > 0 ? warnings.join(' ') : null;
}

function edgeWarning({ epsilon, order, atGridEdge }: RdpEpsilon, orders: readonly number[]): string | null {
  if (epsilon === Infinity) {
    return 'Nothing is guaranteed: the divergence is infinite at every order, as it is for a use of the data without noise.';
  }
  if (!atGridEdge) return null;
  const isLargest = orders.every((other) => other <= order!);
  const [which, better] = isLargest ? ['largest', 'Larger'] : ['least', 'Smaller'];
  return `The best order is the ${which} of the grid, ${order}. ${better} ones may give a smaller epsilon.`;
}

function deltaWarning(delta: number): string | null {
  if (delta <= LARGE_DELTA) return null;
  return (
    `A delta of ${delta} is large: a mechanism that publishes each example with that probability has it. ` +
    'Take less than one over the number of examples.'
  );
}
