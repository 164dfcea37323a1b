import { type SharedProblem, solveBlocks } from './shared-problem';

/** What a thread of the pool is called with; without a problem to see that it is there. */
export default function help(shared?: SharedProblem): void {
  if (shared) solveBlocks(shared);
}
