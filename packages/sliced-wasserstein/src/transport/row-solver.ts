import { type RowProblem, solveRows } from './host-rows';

/** Writes the costs of all rows of a problem, and the slopes where there is room for them. */
export type RowSolver = (problem: RowProblem) => void;

/** Those in use; the last serves. */
const solvers: RowSolver[] = [(problem) => solveRows(problem)];

/** Solves a problem: in the calling thread, or with those of `useThreads` while they are in use. */
export function solveProblem(problem: RowProblem): void {
  solvers.at(-1)!(problem);
}

/** Has problems solved in another way until what it returns is called; then the one before serves again. */
export function useRowSolver(solver: RowSolver): () => void {
  solvers.push(solver);
  return () => {
    const at = solvers.indexOf(solver);
    if (at >= 0) solvers.splice(at, 1);
  };
}
