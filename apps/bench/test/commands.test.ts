import { runCommand } from 'citty';
import { describe, expect, it } from 'vitest';
import { main } from '../src/commands';
import { WORKLOADS } from '../src/registry';

describe('main', () => {
  const options = '--rounds, --steps, --threads, --sides, --size, --out';
  const known = WORKLOADS.map(({ name }) => name).join(', ');
  it.each<[args: string[], message: string]>([
    [[], 'bench: the command must be one of list, run, got none. See bench --help.'],
    [['ran'], 'bench: the command must be one of list, run, got ran. See bench --help.'],
    [['--rounds', '3', 'run'], 'bench: the command must be one of list, run, got --rounds. See bench --help.'],
    [['list', 'mlp'], 'bench: list must have no arguments, got mlp.'],
    [['list', '--out', 'x'], 'bench: an option of list must be left out, got --out.'],
    [['run', 'mpl', 'mlp', 'x'], `bench: a workload must be one of ${known}, got mpl, x.`],
    [['run', '--round', '3'], `bench: an option of run must be one of ${options}, got --round.`],
    [['run', '-r', '3'], `bench: an option of run must be one of ${options}, got -r.`],
    [['run', '--no-out'], `bench: an option of run must be one of ${options}, got --no-out.`],
    [['run', '--rounds'], 'bench: --rounds must be followed by a value, got none.'],
    [['run', '--out', ' '], 'bench: --out must be followed by a value, got none.'],
    [['run', '--out', '--rounds', '3'], 'bench: --out must be followed by a value, got --rounds.'],
    [['run', '--rounds', '0'], 'bench: --rounds must be an integer from 1 to 1000, got "0".'],
    [['run', '--steps', '2.5'], 'bench: --steps must be an integer from 1 to 1000, got "2.5".'],
    [['run', '--steps=-1'], 'bench: --steps must be an integer from 1 to 1000, got "-1".'],
    [['run', '--threads', '1,x'], 'bench: --threads must be an integer from 1 to 1024, got "x".'],
    [['run', '--threads', '1,'], 'bench: --threads must be an integer from 1 to 1024, got "".'],
    [['run', '--sides', 'torch,gpu'], 'bench: --sides must be one of "torch", "onnx", "wasm", "cpu", got "gpu".'],
    [['run', '--size', 'huge'], 'bench: --size must be one of "full", "tiny", got "huge".'],
  ])('refuses %j', async (rawArgs, message) => {
    await expect(runCommand(main, { rawArgs })).rejects.toThrow(new RangeError(message));
  });
});
