import { check } from '@tfsci/tensor-core';
import type { ValueMap } from '../batches/padded';

const { argumentMessage, checkNumber, checkOneOf, FormatError } = check;

/** Options of `NumberScaler.fit`. */
export interface NumberScalerOptions {
  /** 'range' (default): the values come to lie in [-target, target]; 'std': their deviation is 1 about 0. */
  method?: 'range' | 'std';
  /** Default 5, as in the paper. */
  target?: number;
  /** 'signedLog1p' for values over many decades: sign(x) s log(1 + |x| / s) before all else; default 'identity'. */
  transform?: 'identity' | 'signedLog1p';
  /** s, the size from which on the logarithm bends; default 1. */
  logScale?: number;
}

/** A scaler as JSON. */
export interface NumberScalerJson {
  centre: number;
  width: number;
  transform: 'identity' | 'signedLog1p';
  logScale: number;
}

/**
 * Numbers to the range in which layer norm can tell them apart, and back.
 *
 *   y = (g(x) - centre) / width,  g(x) = x or sign(x) s log(1 + |x| / s)
 *
 * A pre-norm transformer sees a number x through sqrt(d) x |u| / sqrt(x^2 |u|^2 + |p|^2), which is flat where x is large:
 * values belong within about [-5, 5].
 *
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export class NumberScaler implements ValueMap {
  private constructor(private readonly json: NumberScalerJson) {}

  /**
   * The scaler of values, or of many pieces of them.
   *
   * @throws RangeError when there are no values, or one is not finite
   * @remarks Where all values are the same the width is 1, and they become 0.
   */
  static fit(values: Iterable<number> | Iterable<ArrayLike<number>>, options: NumberScalerOptions = {}): NumberScaler {
    const where = 'xval.NumberScaler.fit';
    const { method = 'range', target = 5, transform = 'identity', logScale = 1 } = options;
    checkOneOf(where, 'method', method, ['range', 'std']);
    checkOneOf(where, 'transform', transform, ['identity', 'signedLog1p']);
    checkNumber(where, 'target', target, { above: 0 });
    checkNumber(where, 'logScale', logScale, { above: 0 });
    let [count, mean, squares, least, most] = [0, 0, 0, Infinity, -Infinity];
    const take = (value: number): void => {
      const x = forward(checkNumber(where, `value ${count}`, value), transform, logScale);
      count++;
      // Welford's running moments.
      const before = x - mean;
      mean += before / count;
      squares += before * (x - mean);
      least = Math.min(least, x);
      most = Math.max(most, x);
    };
    for (const piece of values) {
      if (typeof piece === 'number') take(piece);
      else for (let i = 0; i < piece.length; i++) take(piece[i]!);
    }
    if (count === 0) throw new RangeError(argumentMessage(where, 'values', 'have at least one', values));
    const [centre, width] =
      method === 'range' ? [(least + most) / 2, (most - least) / 2 / target] : [mean, Math.sqrt(squares / count)];
    return new NumberScaler({ centre, width: width > 0 ? width : 1, transform, logScale });
  }

  /** @throws FormatError naming what is missing or of another kind */
  static fromJSON(json: unknown): NumberScaler {
    const where = 'xval.NumberScaler.fromJSON';
    const { centre, width, transform, logScale } = (json ?? {}) as Partial<NumberScalerJson>;
    try {
      return new NumberScaler({
        centre: checkNumber(where, 'centre', centre),
        width: checkNumber(where, 'width', width, { above: 0 }),
        transform: checkOneOf(where, 'transform', transform, ['identity', 'signedLog1p']),
        logScale: checkNumber(where, 'logScale', logScale, { above: 0 }),
      });
    } catch (cause) {
      throw new FormatError((cause as Error).message, { cause });
    }
  }

  toJSON(): NumberScalerJson {
    return { ...this.json };
  }

  /** From the units of texts to those of the model. */
  transform(values: ArrayLike<number>): Float64Array {
    const { centre, width, transform, logScale } = this.json;
    return Float64Array.from(values, (x) => (forward(x, transform, logScale) - centre) / width);
  }

  /** From the units of the model to those of texts. */
  inverse(values: ArrayLike<number>): Float64Array {
    const { centre, width, transform, logScale } = this.json;
    return Float64Array.from(values, (y) => backward(y * width + centre, transform, logScale));
  }

  /** The part of values that come to lie beyond a limit, default 5; what lies there looks nearly alike to a model. */
  fractionOutside(values: ArrayLike<number>, limit = 5): number {
    checkNumber('xval.NumberScaler.fractionOutside', 'limit', limit, { above: 0 });
    const scaled = this.transform(values);
    // An edge that is met to rounding is not beyond.
    return scaled.length === 0 ? 0 : scaled.filter((y) => !(Math.abs(y) <= limit * (1 + 1e-12))).length / scaled.length;
  }
}

function forward(x: number, transform: NumberScalerJson['transform'], s: number): number {
  return transform === 'identity' ? x : Math.sign(x) * s * Math.log1p(Math.abs(x) / s);
}

function backward(y: number, transform: NumberScalerJson['transform'], s: number): number {
  return transform === 'identity' ? y : Math.sign(y) * s * Math.expm1(Math.abs(y) / s);
}

/**
 * How layer norm sees a number: the projection of LN(x u + p) on the direction of u, for mean-free, orthogonal u and p.
 *
 *   sqrt(d) x / sqrt(x^2 + r^2),  r = |p| / |u|
 *
 * @param options.ratio  r, default 1: of a position to the embedding of [NUM]; both start alike
 * @param options.width  d
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export function saturation(x: number, { ratio = 1, width }: { ratio?: number; width: number }): number {
  const where = 'xval.saturation';
  checkNumber(where, 'ratio', ratio, { min: 0 });
  checkNumber(where, 'width', width, { min: 1, integer: true });
  return x === 0 ? 0 : (Math.sqrt(width) * checkNumber(where, 'x', x)) / Math.hypot(x, ratio);
}
