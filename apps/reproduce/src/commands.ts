import { defineCommand, type ArgsDef } from 'citty';
import { check } from '@tfsci/tensor-core';
import { refuseUnknown, refuseUnknownCommand, seedFrom } from './command-line';
import type { Profile } from './experiment';
import { EXPERIMENTS } from './registry';
import { report, runExperiments } from './run';
import { resultTable } from './terminal';

const out = {
  type: 'string',
  default: 'reports',
  description: 'Folder of results and report',
  valueHint: 'DIR',
} as const;
const ids = {
  type: 'positional',
  required: false,
  description: 'Names of experiments (see list), by default all',
} as const;

const PROFILES: readonly Profile[] = ['quick', 'full'];
const BACKENDS = ['auto', 'onnx', 'wasm', 'cpu'] as const;

/** Conventional exit status of a program that SIGINT ended. */
export const INTERRUPTED = 130;

const list = defineCommand({
  meta: { name: 'list', description: 'Show the experiments' },
  setup: ({ rawArgs }) => refuseUnknown('list', rawArgs, {}),
  run() {
    for (const { id, title, paper } of EXPERIMENTS) console.log(`${id.padEnd(20)} ${title} (arXiv:${paper.arxiv})`);
  },
});

const runArgs = {
  ids,
  profile: {
    type: 'string',
    default: 'quick',
    description: 'quick: minutes; full: finer grids, more seeds',
    valueHint: PROFILES.join('|'),
  },
  backend: {
    type: 'string',
    default: 'auto',
    description: 'TensorFlow.js backend; auto: the fastest here',
    valueHint: BACKENDS.join('|'),
  },
  seed: { type: 'string', default: '0', description: 'First seed', valueHint: 'N' },
  data: {
    type: 'string',
    description: 'Folder with the four IDX files of MNIST or Fashion-MNIST; by default the data that ship with the app',
    valueHint: 'DIR',
  },
  out,
  resume: { type: 'boolean', default: false, description: 'Go on with a run that was stopped, by the same options' },
} as const satisfies ArgsDef;

const run = defineCommand({
  meta: { name: 'run', description: 'Run experiments and write the report' },
  args: runArgs,
  setup: ({ rawArgs }) => refuseUnknown('run', rawArgs, runArgs),
  async run({ args }) {
    const profile = check.checkOneOf('reproduce', '--profile', args.profile, PROFILES);
    const backend = check.checkOneOf('reproduce', '--backend', args.backend, BACKENDS);
    const seed = seedFrom(args.seed);
    const { data, resume } = args;
    const { signal } = stopOnSignals();
    announce(await runExperiments({ ids: args._, profile, backend, seed, data, out: args.out, resume, signal }));
  },
});

const reportArgs = { ids, out } as const satisfies ArgsDef;
const reportCommand = defineCommand({
  meta: { name: 'report', description: 'Write the report of the runs so far again' },
  args: reportArgs,
  setup: ({ rawArgs }) => refuseUnknown('report', rawArgs, reportArgs),
  run: async ({ args }) => announce(await report(args.out, args._)),
});

const commands = { list, run, report: reportCommand };
/** The whole command line. */
export const main = defineCommand({
  meta: { name: 'reproduce', description: 'Headline results of the papers, measured on this machine' },
  setup: ({ rawArgs }) => refuseUnknownCommand(rawArgs, Object.keys(commands)),
  subCommands: commands,
});

/** Why a run ends that a signal stopped. */
export class Stopped extends Error {}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the program at once: what is written so far is whole. */
function stopOnSignals(): AbortController {
  const stopper = new AbortController();
  const stop = (): void => {
    if (stopper.signal.aborted) process.exit(INTERRUPTED);
    stopper.abort(new Stopped());
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return stopper;
}

function announce({ finished, report: file }: Awaited<ReturnType<typeof report>>): void {
  console.log(`\n${resultTable(finished, process.stdout.columns)}\n\nReport: ${file}`);
  if (finished.some(({ result }) => result.outcome.checks.some(({ holds }) => !holds))) process.exitCode = 1;
}
