/** A task of a turbo run, from its summary file. */
export interface TaskRun {
  package: string;
  task: string;
  /** From the root. */
  directory: string;
  /** Null when it was ended from outside. */
  exitCode: number | null;
  cached: boolean;
  seconds: number;
}

/** What is read of the report that Vitest's json reporter writes. */
export interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] | null }[];
  }[];
}

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** A package's line of the table. */
export interface PackageResult extends Tally {
  package: string;
  seconds: number;
  /** What else is to be said of it: failed tasks, tasks that did not run. */
  notes: string[];
  /** Of each failed test or file of tests: where, what, and the first line of why. */
  failures: string[];
}

/**
 * Adds up the tasks of a turbo run, package by package.
 *
 * Counted as failed are failed tests, files of tests that could not be loaded, and failed tasks that are not
 * explained by those: builds, types, lint, checks, a test run that ended without a report or with an error
 * outside of its tests.
 *
 * @param readReport  gives the report of the package in a directory, or undefined
 * @param expected    packages that must have run their tests
 */
export function addUp(
  tasks: TaskRun[],
  readReport: (directory: string) => VitestReport | undefined,
  expected: string[] = [],
): PackageResult[] {
  const names = [...new Set([...tasks.map((task) => task.package), ...expected])].sort();
  return names.map((name) => {
    const result: PackageResult = {
      package: name,
      passed: 0,
      failed: 0,
      skipped: 0,
      seconds: 0,
      notes: [],
      failures: [],
    };
    const own = tasks.filter((task) => task.package === name);
    for (const task of own) {
      result.seconds += task.cached ? 0 : task.seconds;
      if (task.task === 'test') addTests(result, task, readReport(task.directory));
      else if (task.exitCode !== 0) fail(result, `${task.task} failed`);
    }
    if (expected.includes(name) && !own.some((task) => task.task === 'test')) result.notes.push('tests not run');
    return result;
  });
}

function addTests(result: PackageResult, { exitCode }: TaskRun, report: VitestReport | undefined): void {
  if (!report) return fail(result, 'tests ended without a report');
  const broken = report.testResults.filter(isBrokenFile).length;
  result.failures.push(...report.testResults.flatMap(failuresOf));
  result.passed += report.numPassedTests;
  result.failed += report.numFailedTests + broken;
  result.skipped += report.numPendingTests + report.numTodoTests;
  if (broken > 0) result.notes.push(`${broken} test ${broken === 1 ? 'file' : 'files'} failed outside of its tests`);
  if (exitCode !== 0 && report.numFailedTests + broken === 0) fail(result, 'the test run failed outside of its tests');
}

function failuresOf(file: VitestReport['testResults'][number]): string[] {
  const name = file.name.split(/[\\/]/).at(-1);
  const why = (message = ''): string => message.split('\n', 1)[0]!;
  if (isBrokenFile(file)) return [`${name}: ${why(file.message)}`];
  return file.assertionResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => `${name} > ${fullName}: ${why(failureMessages?.[0])}`);
}

/** A file that could not be loaded, or whose hooks failed: none of its tests did. */
function isBrokenFile({ status, assertionResults }: VitestReport['testResults'][number]): boolean {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
}

function fail(result: PackageResult, note: string): void {
  result.failed += 1;
  result.notes.push(note);
}

/** The sum over packages. */
export function totalOf(results: Tally[]): Tally {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of results) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** `12 passed, 0 failed`, and `, 3 skipped` where there are any. */
export function tallyLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A line for each failed test, under its package: the log of a whole run is long, and its end is what one sees. */
export function failureLines(results: Pick<PackageResult, 'package' | 'failures'>[]): string[] {
  return results.flatMap(({ package: name, failures }) => failures.map((failure) => `FAILED ${name} ${failure}`));
}

/** The results as aligned lines. */
export function tableOf(results: PackageResult[]): string {
  const rows = results.map(({ package: name, passed, failed, skipped, seconds, notes }) => [
    name,
    String(passed),
    String(failed),
    String(skipped),
    seconds > 0 ? `${seconds.toFixed(1)} s` : 'cached',
    notes.join('; '),
  ]);
  const table = [['package', 'passed', 'failed', 'skipped', 'time', ''], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const isNumber = (column: number) => column > 0 && column < 5;
  return table
    .map((row) => row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}
