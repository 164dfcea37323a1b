import { check, type random } from '@tfsci/tensor-core';
import type { Feedback } from './feedback';
import { MatrixFeedback, SharedFeedback } from './matrix-feedback';

const { argumentMessage, checkOneOf } = check;

/** Which feedback a network gets: a matrix for each hidden layer, one for all, or one's own. */
export type FeedbackChoice = 'independent' | 'shared' | Feedback;

/** Options about feedback of all that makes networks. */
export interface FeedbackOptions {
  /** Default 'independent'. One's own stays the caller's to dispose, and may serve several networks. */
  feedback?: FeedbackChoice;
  /** Standard deviation of independent feedback matrices, default 1 / sqrt(C). */
  feedbackScale?: number;
}

/**
 * The feedback of a choice, null where there are no hidden layers; and whether the network is to dispose it.
 *
 * @param widths  of the hidden layers
 * @throws RangeError for another choice, or a scale where none can be
 */
export function chooseFeedback(
  where: string,
  { feedback = 'independent', feedbackScale }: FeedbackOptions,
  key: random.Key,
  outputs: number,
  widths: () => readonly number[],
): { feedback: Feedback | null; ownsFeedback: boolean } {
  const isOwn = typeof feedback === 'object' && feedback !== null;
  if (!isOwn) checkOneOf(where, 'feedback', feedback, ['independent', 'shared']);
  if (feedback !== 'independent' && feedbackScale !== undefined) {
    const wanted = "be left out where feedback is not 'independent'";
    throw new RangeError(argumentMessage(where, 'feedbackScale', wanted, feedbackScale));
  }
  if (isOwn) return { feedback, ownsFeedback: false };
  const all = widths();
  const drawn = (): Feedback =>
    feedback === 'shared'
      ? SharedFeedback.draw(key, outputs, all)
      : MatrixFeedback.draw(key, outputs, all, feedbackScale);
  return { feedback: all.length === 0 ? null : drawn(), ownsFeedback: true };
}
