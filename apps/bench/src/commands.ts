import { fileURLToPath } from 'node:url';
import { defineCommand, type ArgsDef } from 'citty';
import { check } from '@tfsci/tensor-core';
import { countFrom, oneOrMoreOf, refuseUnknown, refuseUnknownCommand } from './command-line';
import type { SideName } from './programs';
import { chooseWorkloads, WORKLOADS } from './registry';
import { failuresOf, writeReport } from './report';
import { runBenchmark } from './run';
import { LiveTable, StatusLine } from './terminal';
import { SIZE_NAMES } from './workload';

const SIDES: readonly SideName[] = ['torch', 'onnx', 'wasm', 'cpu'];
const REPORTS = fileURLToPath(new URL('../reports', import.meta.url));

/** Conventional exit status of a program that SIGINT ended. */
export const INTERRUPTED = 130;

/** Why a run ends that a signal stopped. */
export class Stopped extends Error {}

const list = defineCommand({
  meta: { name: 'list', description: 'Show the workloads' },
  setup: ({ rawArgs }) => refuseUnknown('list', rawArgs, {}),
  run() {
    for (const { name, title, description } of WORKLOADS) {
      console.log(`${name.padEnd(18)} ${title}: ${description('full')}`);
    }
  },
});

const runArgs = {
  names: { type: 'positional', required: false, description: 'Names of workloads (see list), by default all' },
  rounds: { type: 'string', default: '5', description: 'Turns of each side', valueHint: 'N' },
  steps: { type: 'string', default: '10', description: 'Most steps in a turn; slow sides take fewer', valueHint: 'N' },
  threads: { type: 'string', default: '1,2', description: 'Threads of onnx; PyTorch gets its best', valueHint: 'N,…' },
  sides: { type: 'string', default: 'torch,onnx,wasm', description: 'Who is measured', valueHint: SIDES.join(',') },
  size: {
    type: 'string',
    default: 'full',
    description: 'tiny: to see that all sides compute the same, not how fast',
    valueHint: SIZE_NAMES.join('|'),
  },
  out: { type: 'string', description: 'Folder of reports, by default apps/bench/reports', valueHint: 'DIR' },
} as const satisfies ArgsDef;

const run = defineCommand({
  meta: { name: 'run', description: 'Measure workloads and write a report' },
  args: runArgs,
  setup: ({ rawArgs }) => refuseUnknown('run', rawArgs, runArgs),
  async run({ args }) {
    const names = chooseWorkloads(args._).map(({ name }) => name);
    const rounds = countFrom('--rounds', args.rounds, 1000);
    const steps = countFrom('--steps', args.steps, 1000);
    const threads = [...new Set(args.threads.split(',').map((text) => countFrom('--threads', text, 1024)))];
    const sides = oneOrMoreOf('--sides', args.sides, SIDES);
    const size = check.checkOneOf('bench', '--size', args.size, SIZE_NAMES);
    const { signal } = stopOnSignals();

    const status = new StatusLine(process.stderr);
    const table = new LiveTable({ sides, threads }, names, process.stdout);
    try {
      const report = await runBenchmark({
        ...{ names, rounds, steps, threads, sides, size, signal },
        onProgress: (doing) => status.show(doing),
        onRow(row) {
          status.clear();
          table.add(row);
        },
      });
      const failures = report.rows.flatMap(failuresOf);
      for (const line of [...failures, ...report.remarks]) console.error(line);
      console.log(`\nReport: ${await writeReport(args.out ?? REPORTS, report)}`);
      if (failures.length > 0) process.exitCode = 1;
    } finally {
      status.clear();
    }
  },
});

const commands = { list, run };
/** The whole command line. */
export const main = defineCommand({
  meta: { name: 'bench', description: 'The onnx backend beside PyTorch and the wasm backend, on this machine' },
  setup: ({ rawArgs }) => refuseUnknownCommand(rawArgs, Object.keys(commands)),
  subCommands: commands,
});

/** Aborts at the first SIGINT or SIGTERM, which ends the children; a second one ends the program at once. */
function stopOnSignals(): AbortController {
  const stopper = new AbortController();
  const stop = (): void => {
    if (stopper.signal.aborted) process.exit(INTERRUPTED);
    stopper.abort(new Stopped());
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return stopper;
}
