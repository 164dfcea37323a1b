import { line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { EncodingName } from '@tfsci/xval';
import { OURS, THEIRS, TRUTH } from '../encodings';

/** What is compared of an encoding. */
export interface Compared {
  encoding: EncodingName;
  truth: readonly number[];
  /** Null where there is none. */
  prediction: readonly (number | null)[];
}

/** What the panels of a row have in common. */
export interface ScatterPanel extends Omit<Panel, 'marks'> {
  /** Ends of the diagonal. */
  diagonal: readonly [number, number];
  /** Predictions beyond are left out. */
  limits: readonly [number, number];
  /** Drawn below the points. */
  below?: readonly Mark[];
}

/** Predicted over true values, with the diagonal. */
export function scatterPanel(
  { encoding, truth, prediction }: Compared,
  { diagonal, limits: [low, high], below = [], ...rest }: ScatterPanel,
): Panel {
  const pairs = truth.flatMap((own, i) => {
    const predicted = prediction[i]!;
    return predicted !== null && predicted >= low && predicted <= high ? [[own, predicted] as const] : [];
  });
  const points = scatter(
    pairs.map(([own]) => own),
    pairs.map(([, predicted]) => predicted),
    { color: encoding === 'xval' ? OURS : THEIRS, radius: 1.7 },
  );
  return {
    marks: [...below, line([...diagonal], [...diagonal], { color: TRUTH, width: 1 }), points],
    width: 200,
    height: 200,
    ...rest,
  };
}
