import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic, writeJsonFile } from '@tfsci/tensor-core/node';
import { machineLine, type Machine } from './machine';
import { judgedSide, type Row } from './row';
import { tableOf, type TableSettings } from './table';
import type { SizeName } from './workload';

/** All that a run has found. */
export interface Report extends TableSettings {
  /** When it began, ISO 8601, UTC. */
  date: string;
  machine: Machine;
  size: SizeName;
  rounds: number;
  steps: number;
  /** Sides that are not here, and what to know of those that are. */
  remarks: string[];
  rows: Row[];
}

/** Writes `<date>.json` and `<date>.md` into a folder. @returns the path of the latter */
export async function writeReport(folder: string, report: Report): Promise<string> {
  await mkdir(folder, { recursive: true });
  const stem = path.join(folder, report.date.replace(/:/g, '-').replace(/\..*$/, ''));
  await writeJsonFile(`${stem}.json`, report);
  await writeFileAtomic(`${stem}.md`, reportPage(report));
  return `${stem}.md`;
}

/** The report in Markdown. */
export function reportPage(report: Report): string {
  const { date, machine, size, rounds, steps, remarks, rows } = report;
  const { titles, cells } = tableOf(report);
  const line = (texts: string[]): string => `| ${texts.map((text) => text.replace(/\|/g, '\\|')).join(' | ')} |`;
  const [first, ...numbers] = titles;
  const rule = [first, ...numbers].map((_, i) => (i === 0 ? '---' : '---:'));
  return [
    '# Engine benchmark',
    `${machineLine(machine)}; ${date}`,
    `Medians of ${rounds} rounds in which the sides take turns, up to ${steps} steps each; size ${size}. ` +
      'A ratio below 1 says that the onnx backend is faster.',
    [line(titles), line(rule), ...rows.map((row) => line(cells(row)))].join('\n'),
    ...list('Remarks', remarks),
    ...list('Failed', rows.flatMap(failuresOf)),
    ...list('Workloads', rows.map(wordsOf)),
  ]
    .map((block) => `${block}\n`)
    .join('\n');
}

/** Why rows failed, a line each. */
export function failuresOf({ workload, reasons }: Row): string[] {
  return reasons.map((reason) => `${workload}: ${reason}`);
}

function wordsOf(row: Row): string {
  const { workload, title, description, trials } = row;
  const torch = judgedSide(row, 'torch');
  const tried = trials.length > 1 ? `, the fastest of ${trials.length} settings` : '';
  return `${workload}: ${title}; ${description}.${torch ? ` ${torch.label}${tried}.` : ''}`;
}

function list(title: string, items: string[]): string[] {
  return items.length === 0 ? [] : [`## ${title}`, items.map((item) => `- ${item}`).join('\n')];
}
