import { judgedSide, type Row } from './row';

/** What a reader must know about the sides of a run. */
export interface Circumstances {
  /** Whether PyTorch was asked for and is not here. */
  torchIsMissing: boolean;
  /** Workloads that wasm was asked for and is too slow for. */
  withoutWasm: readonly string[];
  rows: readonly Row[];
}

/** Sides that are not here, and what makes the times of those that are no measure of them. */
export function remarksOn({ torchIsMissing, withoutWasm, rows }: Circumstances): string[] {
  const remarks: string[] = [];
  if (torchIsMissing) {
    remarks.push(
      'PyTorch is left out: no python3 with torch was found. Install it (Debian: apt-get install python3-torch ' +
        'libopenblas0-pthread) or set TFSCI_PYTHON to an interpreter that has it.',
    );
  }
  if (rows.some((row) => judgedSide(row, 'torch')?.blas === 'reference BLAS')) {
    remarks.push(
      'PyTorch computes its matrix products with the reference BLAS, many times slower than others: its times are ' +
        'not fair. Install a fast one (Debian: apt-get install libopenblas0-pthread).',
    );
  }
  if (withoutWasm.length > 0) remarks.push(`wasm is left out of ${withoutWasm.join(', ')}: it would take minutes.`);
  return remarks;
}
