import { describe, expect, it } from 'vitest';
import { addUp, failureLines, tableOf, tallyLine, totalOf, type TaskRun, type VitestReport } from '../src/test-summary';

function task(name: string, kind: string, exitCode: number | null = 0, cached = false): TaskRun {
  return { package: name, task: kind, directory: `packages/${name}`, exitCode, cached, seconds: 1.5 };
}

/** A report as Vitest 4 writes it, cut down to what is read: each file is a list of its tests' outcomes. */
function report(files: string[][], extra: Partial<VitestReport> = {}): VitestReport {
  const count = (status: string) => files.flat().filter((outcome) => outcome === status).length;
  return {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending'),
    numTodoTests: count('todo'),
    testResults: files.map((outcomes, i) => ({
      name: `/repository/test/${i}.test.ts`,
      status: outcomes.includes('failed') ? 'failed' : 'passed',
      message: '',
      assertionResults: outcomes.map((status, k) => ({
        status,
        fullName: `test ${k}`,
        failureMessages: status === 'failed' ? ['Error: 1 is not 2\n    at a.ts:1:2'] : [],
      })),
    })),
    ...extra,
  };
}

/** What Vitest 4 reports when a file cannot be loaded: a failed file, no test. */
const unloaded = {
  name: '/repository/test/broken.test.ts',
  status: 'failed',
  message: 'Cannot find x\nat',
  assertionResults: [],
};

describe('addUp', () => {
  it('counts tests that passed, failed and were left out, package by package', () => {
    const reports: Record<string, VitestReport> = {
      'packages/a': report([
        ['passed', 'passed', 'failed'],
        ['passed', 'pending'],
      ]),
      'packages/b': report([['passed', 'todo', 'pending']]),
    };
    const results = addUp([task('b', 'test'), task('a', 'test', 1)], (directory) => reports[directory]);
    expect(results).toMatchObject([
      { package: 'a', passed: 3, failed: 1, skipped: 1, notes: [] },
      { package: 'b', passed: 1, failed: 0, skipped: 2, notes: [] },
    ]);
    expect(totalOf(results)).toEqual({ passed: 4, failed: 1, skipped: 3 });
  });

  it('names each failed test and each file that could not be loaded, with the first line of why', () => {
    const loaded = report([['passed', 'failed'], ['failed']]);
    const all = { ...loaded, testResults: [...loaded.testResults, unloaded] };
    expect(failureLines(addUp([task('a', 'test', 1)], () => all))).toEqual([
      'FAILED a 0.test.ts > test 1: Error: 1 is not 2',
      'FAILED a 1.test.ts > test 0: Error: 1 is not 2',
      'FAILED a broken.test.ts: Cannot find x',
    ]);
    expect(failureLines(addUp([task('a', 'test')], () => report([['passed']])))).toEqual([]);
  });

  it('counts each failed task that is no test', () => {
    const tasks = [task('a', 'build', 2), task('a', 'lint', 1), task('a', 'typecheck'), task('a', 'check', null)];
    expect(addUp(tasks, () => undefined)).toMatchObject([
      { passed: 0, failed: 3, notes: ['build failed', 'lint failed', 'check failed'] },
    ]);
  });

  it.each([0, 1, null])('counts a test task that ended with %s and no report as one failure', (exitCode) => {
    expect(addUp([task('a', 'test', exitCode)], () => undefined)).toMatchObject([
      { passed: 0, failed: 1, notes: ['tests ended without a report'] },
    ]);
  });

  it('counts a file that could not be loaded, once, beside the tests of the others', () => {
    const loaded = report([['passed', 'failed']]);
    const some = { ...loaded, testResults: [...loaded.testResults, unloaded] };
    expect(addUp([task('a', 'test', 1)], () => some)).toMatchObject([
      { passed: 1, failed: 2, notes: ['1 test file failed outside of its tests'] },
    ]);
  });

  it('counts a test run that failed though every test passed', () => {
    expect(addUp([task('a', 'test', 1)], () => report([['passed']]))).toMatchObject([
      { passed: 1, failed: 1, notes: ['the test run failed outside of its tests'] },
    ]);
  });

  it('names packages whose tests did not run', () => {
    const results = addUp([task('a', 'build', 1)], () => undefined, ['a', 'b']);
    expect(results.map(({ notes }) => notes)).toEqual([['build failed', 'tests not run'], ['tests not run']]);
  });
});

describe('tallyLine', () => {
  it.each([
    [{ passed: 12, failed: 0, skipped: 0 }, '12 passed, 0 failed'],
    [{ passed: 1, failed: 2, skipped: 3 }, '1 passed, 2 failed, 3 skipped'],
  ])('writes %o', (tally, line) => {
    expect(tallyLine(tally)).toBe(line);
  });
});

describe('tableOf', () => {
  it('aligns its columns and tells cached packages', () => {
    const tasks = [task('@tfsci/momo', 'test', 0, true), task('@tfsci/xval', 'test'), task('@tfsci/xval', 'lint', 1)];
    expect(tableOf(addUp(tasks, () => report([['passed']])))).toBe(
      [
        'package      passed  failed  skipped    time',
        '@tfsci/momo       1       0        0  cached',
        '@tfsci/xval       1       1        0   3.0 s  lint failed',
      ].join('\n'),
    );
  });
});
