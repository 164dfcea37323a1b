import { runCommand } from 'citty';
import { describe, expect, it } from 'vitest';
import { refuseUnknown, seedFrom } from '../src/command-line';
import { main } from '../src/commands';
import { failureOf } from './folders';

describe('main', () => {
  const usage = 'See reproduce --help.';
  const runOptions = '--profile, --backend, --seed, --data, --out, --resume';
  it.each<[args: string[], message: string]>([
    [[], `reproduce: the command must be one of list, run, report, got none. ${usage}`],
    [['rum'], `reproduce: the command must be one of list, run, report, got rum. ${usage}`],
    [['constructor'], `reproduce: the command must be one of list, run, report, got constructor. ${usage}`],
    [['--resume', 'run'], `reproduce: the command must be one of list, run, report, got --resume. ${usage}`],
    [['list', 'all'], 'reproduce: list must have no arguments, got all.'],
    [['list', '--out', 'x'], 'reproduce: an option of list must be left out, got --out.'],
    [
      ['run', 'momo-robustnes'],
      'reproduce: an experiment must be one of momo-robustness, ctr-features, sliced-wasserstein, opu-dfa, xval, counting-transformer, got momo-robustnes.',
    ],
    [
      ['report', 'no', 'nay'],
      'reproduce: an experiment must be one of momo-robustness, ctr-features, sliced-wasserstein, opu-dfa, xval, counting-transformer, got no, nay.',
    ],
    [['run', '--sed', '3'], `reproduce: an option of run must be one of ${runOptions}, got --sed.`],
    [['run', '--toString'], `reproduce: an option of run must be one of ${runOptions}, got --toString.`],
    [['run', '-o', 'x'], `reproduce: an option of run must be one of ${runOptions}, got -o.`],
    [['run', '--no-resume'], `reproduce: an option of run must be one of ${runOptions}, got --no-resume.`],
    [['report', '--resume'], 'reproduce: an option of report must be one of --out, got --resume.'],
    [['run', '--seed', 'x'], 'reproduce: --seed must be an integer from 0 to 4294967295, got "x".'],
    [['run', '--seed', '-1'], 'reproduce: --seed must be an integer from 0 to 4294967295, got "-1".'],
    [['run', '--seed=1.5'], 'reproduce: --seed must be an integer from 0 to 4294967295, got "1.5".'],
    [['run', '--seed=4294967296'], 'reproduce: --seed must be an integer from 0 to 4294967295, got "4294967296".'],
    [['run', '--seed='], 'reproduce: --seed must be followed by a value, got none.'],
    [['run', '--data', '--resume'], 'reproduce: --data must be followed by a value, got --resume.'],
    [['run', '--out'], 'reproduce: --out must be followed by a value, got none.'],
    [['run', '--resume=perhaps'], 'reproduce: --resume must stand alone, got the value perhaps.'],
    [['run', '--profile', 'fast'], 'reproduce: --profile must be one of "quick", "full", got "fast".'],
    [['run', '--backend', 'cuda'], 'reproduce: --backend must be one of "auto", "onnx", "wasm", "cpu", got "cuda".'],
  ])('refuses %j', async (rawArgs, message) => {
    expect((await failureOf(runCommand(main, { rawArgs }))).message).toBe(message);
  });
});

describe('refuseUnknown', () => {
  const definitions = {
    ids: { type: 'positional' },
    out: { type: 'string' },
    resume: { type: 'boolean' },
  } as const;

  it.each<[string[]]>([
    [[]],
    [['one', 'two']],
    [['one', '--out', 'folder', 'two', '--resume']],
    [['--out=-folder', '--resume=true']],
    [['--out', 'folder', '--', '--odd']],
  ])('lets %j pass', (args) => {
    expect(() => refuseUnknown('trial', args, definitions)).not.toThrow();
  });

  it.each<[string[], string]>([
    [['--Out', 'x'], 'got --Out.'],
    [['--ou', 'x'], 'got --ou.'],
    [['-resume'], 'got -r.'],
    [['--__proto__'], 'got --__proto__.'],
    [['--out', ' '], '--out must be followed by a value, got none.'],
    [['--out', '-x'], '--out must be followed by a value, got -x.'],
    [['one', '--out', 'a', '--out'], '--out must be followed by a value, got none.'],
  ])('refuses %j', (args, message) => {
    expect(() => refuseUnknown('trial', args, definitions)).toThrow(message);
  });
});

describe('seedFrom', () => {
  it.each([
    ['0', 0],
    ['42', 42],
    [' 7 ', 7],
    ['007', 7],
    ['4294967295', 4294967295],
  ])('reads %j', (text, seed) => {
    expect(seedFrom(text)).toBe(seed);
  });

  it.each(['', '-0', '+1', '1e3', '0x10', '1_000', '٣', 'Infinity', '4294967296'])('refuses %j', (text) => {
    expect(() => seedFrom(text)).toThrow(RangeError);
  });
});
