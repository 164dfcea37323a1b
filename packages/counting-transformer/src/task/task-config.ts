// T bits and delimiters of a sequence, R regions.
import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** A law of sequences. */
export interface TaskConfig {
  /** T, bits and delimiters of a sequence. */
  length: number;
  /** R, regions of a sequence. */
  regions: number;
  /** p, the probability that a bit is 1, inside and outside; default 0.5. */
  density?: number;
  /** Whether a start token comes first, default true; sequences then have T + 1 tokens. */
  start?: boolean;
  /**
   * Where the regions lie. 'uniform' (default): 2 R of the T places, all choices alike, are the delimiters. 'fixed': all
   * regions have `regionLength` bits, and lie anywhere. 'geometric': each region's bits have a geometric law of that mean,
   * cut so that all fit.
   */
  placement?: 'uniform' | 'fixed' | 'geometric';
  /** Bits of a region, or their mean; for the placements other than 'uniform'. */
  regionLength?: number;
  /** How many ones each region has, in the place of draws by density; its placement must leave room, see `sampleTask`. */
  counts?: readonly number[];
}

/** A law with all its defaults. */
export type CompleteTask = Required<Omit<TaskConfig, 'counts' | 'regionLength'>> &
  Pick<TaskConfig, 'counts' | 'regionLength'>;

/** The law with its defaults. @throws RangeError, as `sampleTask` */
export function completeTask(where: string, config: TaskConfig): CompleteTask {
  const { length, regions, density = 0.5, start = true, placement = 'uniform', regionLength, counts } = config;
  checkNumber(where, 'length', length, { min: 1, integer: true });
  checkNumber(where, 'regions', regions, { min: 1, integer: true });
  checkNumber(where, 'density', density, { min: 0, max: 1 });
  checkOneOf(where, 'placement', placement, ['uniform', 'fixed', 'geometric']);
  if (typeof start !== 'boolean') throw new TypeError(argumentMessage(where, 'start', 'be true or false', start));
  if (2 * regions > length) {
    const wanted = `have room for ${2 * regions} delimiters of ${regions} regions`;
    throw new RangeError(argumentMessage(where, 'length', wanted, length));
  }
  if (placement === 'uniform') {
    if (regionLength !== undefined) {
      const fix = "It is for the placements 'fixed' and 'geometric'.";
      throw new RangeError(argumentMessage(where, 'regionLength', 'be left out', regionLength, fix));
    }
  } else {
    const most = length / regions - 2;
    checkNumber(where, 'regionLength', regionLength, { min: 0, max: most, integer: placement === 'fixed' });
  }
  if (counts !== undefined) {
    if (counts.length !== regions) {
      throw new RangeError(argumentMessage(where, 'counts', `be ${regions} numbers, one a region`, counts));
    }
    counts.forEach((count, k) => checkNumber(where, `counts[${k}]`, count, { min: 0, integer: true }));
    const needed = placement === 'fixed' ? Math.max(...counts) : counts.reduce((sum, count) => sum + count, 0);
    const room = placement === 'fixed' ? regionLength! : length - 2 * regions;
    if (needed > room) throw new RangeError(argumentMessage(where, 'counts', `fit into ${room} places`, counts));
  }
  const some = { ...(counts && { counts }), ...(regionLength !== undefined && { regionLength }) };
  return { length, regions, density, start, placement, ...some };
}
