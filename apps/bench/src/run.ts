import { fastest, type Trial } from './calibration';
import { machine } from './machine';
import { measure } from './measurement';
import { engineProgram, pythonWithTorch, torchPrograms, type Program, type SideName } from './programs';
import { chooseWorkloads } from './registry';
import { remarksOn } from './remarks';
import type { Report } from './report';
import { judgedSide, rowOf, type Row } from './row';
import type { SizeName, Workload } from './workload';

/** Options of the command line, checked. */
export interface RunOptions {
  /** Names of workloads; none for all. */
  names: readonly string[];
  sides: readonly SideName[];
  size: SizeName;
  rounds: number;
  /** Most steps of a side in a round. */
  steps: number;
  /** Counts of threads of the onnx backend; the largest is the most that PyTorch gets. */
  threads: readonly number[];
  signal: AbortSignal;
  onProgress: (doing: string) => void;
  onRow: (row: Row) => void;
}

/** Measures workloads one after the other. When the signal comes, the children end and its reason is thrown. */
export async function runBenchmark(options: RunOptions): Promise<Report> {
  const { names, size, rounds, steps, threads, onRow } = options;
  const chosen = chooseWorkloads(names);
  const date = new Date().toISOString();
  const python = options.sides.includes('torch') ? pythonWithTorch() : undefined;
  const torchIsMissing = options.sides.includes('torch') && python === undefined;
  const sides = options.sides.filter((side) => side !== 'torch' || !torchIsMissing);
  const rows: Row[] = [];
  for (const workload of chosen) {
    const row = await measured(workload, sides, python, options);
    rows.push(row);
    onRow(row);
  }
  const withoutWasm = sides.includes('wasm') ? chosen.filter((one) => !runsOnWasm(one, size)) : [];
  const remarks = remarksOn({ torchIsMissing, withoutWasm: withoutWasm.map(({ name }) => name), rows });
  const torch = rows.map((row) => judgedSide(row, 'torch')).find(Boolean);
  const peer = torch ? `${torch.engine} with ${torch.blas ?? 'unknown BLAS'}` : null;
  return { date, machine: machine(peer), size, rounds, steps, sides, threads, remarks, rows };
}

async function measured(
  workload: Workload,
  sides: readonly SideName[],
  python: string | undefined,
  { size, rounds, steps, threads, signal, onProgress }: RunOptions,
): Promise<Row> {
  const say = (doing: string): void => onProgress(`${workload.name}: ${doing}`);
  const programs: Program[] = [];
  let trials: Trial[] = [];
  for (const side of sides) {
    if (side === 'torch') {
      const settings = torchPrograms(python!, Math.max(...threads), workload, size);
      // How fast the tiny size is tells nothing.
      const tried = size === 'full' ? settings : settings.slice(0, 1);
      const onTrial = (label: string, number: number): void => say(`setting ${number} of ${tried.length}, ${label}`);
      const found = await fastest(tried, { signal, onTrial });
      trials = found.trials;
      programs.push(found.program);
    } else if (side === 'onnx') {
      programs.push(...threads.map((count) => engineProgram('onnx', count, workload, size)));
    } else if (side === 'cpu' || runsOnWasm(workload, size)) {
      programs.push(engineProgram(side, 1, workload, size));
    }
  }
  const results = await measure(programs, { rounds, steps, signal, onProgress: say });
  return rowOf(workload, size, results, trials);
}

function runsOnWasm({ affordableOnWasm }: Workload, size: SizeName): boolean {
  return size === 'tiny' || affordableOnWasm;
}
