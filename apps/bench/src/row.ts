import { relativeDifference, TOLERANCE } from './agreement';
import type { Trial } from './calibration';
import type { Failed, Measured, SideResult } from './measurement';
import type { SideName } from './programs';
import type { SizeName, Workload } from './workload';

/** A side that was measured, with the largest difference of its losses or output from the reference, relative. */
export interface Judged extends Measured {
  difference: number;
}

/** A workload as it was measured on all sides. */
export interface Row {
  workload: string;
  title: string;
  description: string;
  /** 'agrees': all sides ran and computed the same; 'unchecked': there was one side only; 'failed': see reasons. */
  status: 'agrees' | 'unchecked' | 'failed';
  /** What failed, in words. */
  reasons: string[];
  /** The side by whose results the others are judged; null where none ran. */
  reference: string | null;
  sides: (Judged | Failed)[];
  /** Settings of PyTorch that were tried. */
  trials: Trial[];
}

/** Whose results are the reference: those of the first that ran. */
const REFERENCES: readonly SideName[] = ['torch', 'cpu', 'wasm', 'onnx'];

/** The row of a workload: whether its sides computed the same. */
export function rowOf(workload: Workload, size: SizeName, results: SideResult[], trials: Trial[]): Row {
  const measured = results.filter((result): result is Measured => !('failure' in result));
  const reference = REFERENCES.flatMap((name) => measured.filter(({ side }) => side === name))[0];
  const reasons: string[] = [];
  const sides = results.map((result): Judged | Failed => {
    if ('failure' in result) {
      reasons.push(result.failure);
      return result;
    }
    const judged = { ...result, difference: relativeDifference(result.checks, reference!.checks) };
    if (!agrees(judged)) reasons.push(disagreement(result, reference!));
    return judged;
  });
  return {
    workload: workload.name,
    title: workload.title,
    description: workload.description(size),
    status: reasons.length > 0 ? 'failed' : measured.length > 1 ? 'agrees' : 'unchecked',
    reasons,
    reference: reference?.label ?? null,
    sides,
    trials,
  };
}

/** The side of the name, if it was measured; `threads` tells two of the same name apart. */
export function judgedSide({ sides }: Row, name: SideName, threads?: number): Judged | undefined {
  return judgedSides(sides).find((side) => side.side === name && (threads ?? side.threads) === side.threads);
}

/** The sides that were measured. */
export function judgedSides(sides: Row['sides']): Judged[] {
  return sides.filter((side): side is Judged => !('failure' in side));
}

/** Whether a side computed what the reference did. */
export function agrees({ difference }: Judged): boolean {
  return difference <= TOLERANCE;
}

function disagreement(side: Measured, reference: Measured): string {
  const listed = ({ checks }: Measured): string => checks.map((value) => value.toPrecision(6)).join(', ');
  const got = `got ${listed(side)} for ${listed(reference)}`;
  return `${side.label} must agree with ${reference.label} to ${TOLERANCE}, ${got}`;
}
