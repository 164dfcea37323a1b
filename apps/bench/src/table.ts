import type { SideName } from './programs';
import { agrees, judgedSide, judgedSides, type Row } from './row';

/** Which columns a table has. */
export interface TableSettings {
  sides: readonly SideName[];
  /** Counts of threads of the onnx backend. */
  threads: readonly number[];
}

interface Column {
  title: string;
  cell: (row: Row) => string | undefined;
}

const MISSING = '-';

/**
 * The table of results: PyTorch, the onnx backend with each count of threads and its ratio to PyTorch, the others,
 * what the onnx backend took for its first two steps, and whether all computed the same.
 *
 * @returns the titles, and the cells of a row
 */
export function tableOf({ sides, threads }: TableSettings): { titles: string[]; cells: (row: Row) => string[] } {
  const columns: Column[] = [{ title: 'workload', cell: ({ workload }) => workload }];
  const withTorch = sides.includes('torch');
  if (withTorch) columns.push({ title: 'PyTorch, ms', cell: (row) => digits(judgedSide(row, 'torch')?.medianMs) });
  if (sides.includes('onnx')) {
    for (const count of threads) {
      columns.push({ title: `onnx ${count}T, ms`, cell: (row) => digits(judgedSide(row, 'onnx', count)?.medianMs) });
      if (withTorch) columns.push({ title: '/ PyTorch', cell: (row) => digits(ratioToTorch(row, count)) });
    }
  }
  for (const side of ['wasm', 'cpu'] as const) {
    if (sides.includes(side))
      columns.push({ title: `${side}, ms`, cell: (row) => digits(judgedSide(row, side)?.medianMs) });
  }
  if (sides.includes('onnx')) {
    const most = threads.at(-1)!;
    columns.push({ title: 'compiled in, ms', cell: (row) => digits(judgedSide(row, 'onnx', most)?.firstStepsMs) });
  }
  columns.push({ title: 'results', cell: verdict });
  return {
    titles: columns.map(({ title }) => title),
    cells: (row) => columns.map(({ cell }) => cell(row) ?? MISSING),
  };
}

/** Time of the onnx backend over that of PyTorch; none where they did not compute the same. */
export function ratioToTorch(row: Row, threads: number): number | undefined {
  const [ours, torch] = [judgedSide(row, 'onnx', threads), judgedSide(row, 'torch')];
  return ours && torch && agrees(ours) ? ours.medianMs / torch.medianMs : undefined;
}

function verdict({ status, sides }: Row): string {
  const differences = judgedSides(sides).map(({ difference }) => difference);
  return status === 'agrees' ? `agree to ${Math.max(...differences).toExponential(0)}` : status;
}

/** Three digits that count. */
function digits(value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
