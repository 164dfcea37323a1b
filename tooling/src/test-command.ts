import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { execute, withPnpmOnPath } from './pnpm';
import { addUp, failureLines, tableOf, tallyLine, totalOf, type TaskRun, type VitestReport } from './test-summary';
import { toolPaths } from './tools';
import { repositoryRoot, workspacePackages } from './workspace';

const TASKS = ['lint', 'typecheck', 'test', 'check', '//#format:check'];

/** What is read of a summary file of turbo. */
interface RunSummary {
  tasks: {
    task: string;
    package: string;
    directory: string;
    cache: { status: string };
    execution?: { startTime: number; endTime: number; exitCode?: number | null };
  }[];
}

/**
 * The root's `pnpm test`: every check of the tree through turbo, which takes what has not changed from its
 * cache, then a table per package and, as the last line, how many tests passed and failed.
 *
 * @param args  handed on to turbo, `--filter=@tfsci/momo` or `--force`
 * @returns 0 when something ran and nothing failed
 */
export async function testCommand(root: string, args: string[]): Promise<number> {
  const packages = workspacePackages(root);
  // A report of an earlier run must not be counted; turbo restores those of tasks that it takes from its cache.
  for (const { path: place } of packages) rmSync(reportFile(root, place), { force: true });

  const { env, remove } = withPnpmOnPath(root, {
    ...process.env,
    // A test that was skipped for want of a tool must run again when the tool is there, and one Node's results are not another's.
    TFSCI_MACHINE: [process.platform, process.arch, process.version, ...toolPaths()].join(' '),
    // The pnpm that runs this was chosen by the root's call; each task's would ask the registry about it again.
    pnpm_config_pm_on_fail: 'ignore',
  });
  const before = new Set(summaryFiles(root));
  // What node_modules/.bin/turbo starts, without the shell that Windows needs for a script.
  const turbo = { file: process.execPath, args: [path.join(root, 'node_modules', 'turbo', 'bin', 'turbo')] };
  const flags = ['--continue=dependencies-successful', '--summarize', '--ui=stream'];
  const { exitCode } = await execute(
    turbo,
    ['run', ...TASKS, ...flags, `--concurrency=${availableParallelism()}`, ...args],
    { cwd: root, env },
  ).finally(remove);

  const summary = newestOf(summaryFiles(root).filter((file) => !before.has(file)));
  const isWhole = args.length === 0;
  const expected = isWhole ? packages.filter(({ manifest }) => manifest.scripts?.['test']).map(({ name }) => name) : [];
  const results = addUp(summary ? tasksOf(summary) : [], (directory) => readReport(root, directory), expected);
  const total = totalOf(results);
  // Turbo itself may fail, before any task or between them.
  if (exitCode !== 0 && total.failed === 0) total.failed = 1;
  console.log(`\n${tableOf(results)}\n`);
  for (const line of failureLines(results)) console.log(line);
  console.log(tallyLine(total));
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** Tests the tree that this file belongs to. */
export function main(args: string[]): Promise<number> {
  return testCommand(repositoryRoot, args);
}

function tasksOf(file: string): TaskRun[] {
  const { tasks } = JSON.parse(readFileSync(file, 'utf8')) as RunSummary;
  return tasks.map(({ task, package: name, directory, cache, execution }) => ({
    task,
    package: name,
    directory,
    cached: cache.status === 'HIT',
    exitCode: execution?.exitCode ?? null,
    seconds: execution ? (execution.endTime - execution.startTime) / 1000 : 0,
  }));
}

function readReport(root: string, directory: string): VitestReport | undefined {
  const file = reportFile(root, directory);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as VitestReport) : undefined;
}

function reportFile(root: string, directory: string): string {
  return path.join(root, directory, '.vitest', 'report.json');
}

function summaryFiles(root: string): string[] {
  const folder = path.join(root, '.turbo', 'runs');
  return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
}

function newestOf(files: string[]): string | undefined {
  return files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}
