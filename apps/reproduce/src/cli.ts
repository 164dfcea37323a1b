import { defineCommand, runMain } from 'citty';
import colors from 'picocolors';
import { check } from '@tfsci/tensor-core';
import { EXPERIMENTS } from './registry';
import { report, runExperiments } from './run';
import { resultTable } from './terminal';

const out = {
  type: 'string',
  default: 'reports',
  description: 'Folder of results and report',
  valueHint: 'DIR',
} as const;
const ids = { type: 'positional', required: false, description: 'Experiments, by default all' } as const;

/** Conventional exit status of a program that SIGINT ended. */
const INTERRUPTED = 130;

const list = defineCommand({
  meta: { name: 'list', description: 'Show the experiments' },
  run() {
    for (const { id, title, paper } of EXPERIMENTS) console.log(`${id.padEnd(20)} ${title} (arXiv:${paper.arxiv})`);
  },
});

const run = defineCommand({
  meta: { name: 'run', description: 'Run experiments and write the report' },
  args: {
    ids,
    profile: {
      type: 'enum',
      options: ['quick', 'full'],
      default: 'quick',
      description: 'quick: minutes; full: finer grids, more seeds',
    },
    backend: { type: 'string', default: 'auto', description: 'TensorFlow.js backend', valueHint: 'NAME' },
    seed: { type: 'string', default: '0', description: 'First seed', valueHint: 'N' },
    data: {
      type: 'string',
      description: 'Folder with IDX files of one’s own (MNIST, Fashion-MNIST)',
      valueHint: 'DIR',
    },
    out,
    resume: { type: 'boolean', default: false, description: 'Go on with a run that was stopped' },
  },
  async run({ args }) {
    const seed = check.checkNumber('reproduce', '--seed', args.seed.trim() === '' ? NaN : Number(args.seed), {
      min: 0,
      integer: true,
    });
    const stopper = new AbortController();
    const stop = (): void => {
      // A second signal ends the program at once: what is written so far is whole.
      if (stopper.signal.aborted) process.exit(INTERRUPTED);
      stopper.abort(new Stopped());
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    const { profile, backend, data, resume } = args;
    const options = { ids: args._, profile, backend, seed, data, out: args.out, resume, signal: stopper.signal };
    await guarded(async () => announce(await runExperiments(options)));
  },
});

const reportCommand = defineCommand({
  meta: { name: 'report', description: 'Write the report of the runs so far again' },
  args: { ids, out },
  run: ({ args }) => guarded(async () => announce(await report(args.out, args._))),
});

class Stopped extends Error {}

function announce({ finished, report: file }: Awaited<ReturnType<typeof report>>): void {
  console.log(`\n${resultTable(finished)}\n\nReport: ${file}`);
  if (finished.some(({ result }) => result.outcome.checks.some(({ holds }) => !holds))) process.exitCode = 1;
}

/** Errors of a user's making as one line, not a stack. */
async function guarded(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof Stopped) {
      console.error('\nStopped; what was finished is kept. Go on with the same command and --resume.');
      process.exitCode = INTERRUPTED;
      return;
    }
    console.error(colors.red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  }
}

void runMain(
  defineCommand({
    meta: { name: 'reproduce', description: 'Headline results of the papers, measured on this machine' },
    subCommands: { list, run, report: reportCommand },
  }),
);
