import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { machine, machineLine, type Machine } from '../src/machine';
import { remarksOn } from '../src/remarks';
import { reportPage, writeReport, type Report } from '../src/report';
import { ratioToTorch } from '../src/table';
import { LiveTable, StatusLine } from '../src/terminal';
import { measuredSide, rowWithNumbers, temporaryFolder } from './fakes';

const MACHINE: Machine = {
  processor: 'Abacus',
  cores: 2,
  node: 'v20.19.0',
  platform: 'linux x64',
  torch: 'PyTorch 1.13.0 with OpenBLAS',
  commit: 'abc1234+',
};

const FAILED = rowWithNumbers({
  workload: 'unet',
  title: 'Small U-Net, training',
  description: 'widths 8, 16',
  status: 'failed',
  reasons: ['onnx, 2 threads: no such kernel'],
  sides: [
    rowWithNumbers().sides[0]!,
    { side: 'onnx', label: 'onnx, 2 threads', threads: 2, failure: 'onnx, 2 threads: no such kernel' },
  ],
  trials: [],
});

const REPORT: Report = {
  date: '2026-01-02T03:04:05.678Z',
  machine: MACHINE,
  size: 'full',
  rounds: 5,
  steps: 10,
  sides: ['torch', 'onnx', 'wasm'],
  threads: [1, 2],
  remarks: ['PyTorch is slow here.'],
  rows: [rowWithNumbers(), FAILED],
};

const PAGE = `# Engine benchmark

Abacus, 2 cores, linux x64; Node v20.19.0; PyTorch 1.13.0 with OpenBLAS; commit abc1234+; 2026-01-02T03:04:05.678Z

Medians of 5 rounds in which the sides take turns, up to 10 steps each; size full. A ratio below 1 says that the onnx backend is faster.

| workload | PyTorch, ms | onnx 1T, ms | / PyTorch | onnx 2T, ms | / PyTorch | wasm, ms | compiled in, ms | results |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| mlp | 50.0 | 75.0 | 1.50 | 40.0 | 0.800 | 1235 | 180 | agree to 1e-5 |
| unet | 50.0 | - | - | - | - | - | - | failed |

## Remarks

- PyTorch is slow here.

## Failed

- unet: onnx, 2 threads: no such kernel

## Workloads

- mlp: Multilayer perceptron, training; 784-512-512-10. PyTorch, 1 thread, 2 of BLAS, the fastest of 2 settings.
- unet: Small U-Net, training; widths 8, 16. PyTorch, 1 thread, 2 of BLAS.
`;

/** A stream that keeps what is written. */
function screen(isTTY: boolean) {
  let text = '';
  const write = (chunk: unknown): boolean => ((text += String(chunk)), true);
  return { stream: { write, isTTY, columns: 20 }, text: () => text };
}

describe('reportPage', () => {
  it('has the table, the machine, what failed and what the workloads are', () => {
    expect(reportPage(REPORT)).toBe(PAGE);
  });

  it('has no columns for sides that were not asked for', () => {
    const table = reportPage({ ...REPORT, sides: ['onnx'], threads: [2], rows: [rowWithNumbers()] });
    expect(table).toContain('| workload | onnx 2T, ms | compiled in, ms | results |\n');
    expect(table).toContain('| mlp | 40.0 | 180 | agree to 1e-5 |\n');
  });
});

describe('ratioToTorch', () => {
  it('is there for a side that agrees with PyTorch, whatever others did', () => {
    const row = rowWithNumbers({ status: 'failed', reasons: ['wasm: out of memory'] });
    expect(ratioToTorch(row, 2)).toBe(0.8);
    const wrong = row.sides.map((side) => (side.side === 'onnx' ? { ...side, difference: 0.1 } : side));
    expect(ratioToTorch({ ...row, sides: wrong }, 2)).toBeUndefined();
  });
});

describe('remarksOn', () => {
  const fine = { torchIsMissing: false, withoutWasm: [], rows: [rowWithNumbers()] };
  it('has nothing to say when all is well', () => {
    expect(remarksOn(fine)).toEqual([]);
  });

  it('names a PyTorch that is missing or has a slow BLAS, and what wasm is left out of, with the fix', () => {
    const slow = { ...measuredSide({ blas: 'reference BLAS' }), difference: 0 };
    const [missing] = remarksOn({ ...fine, torchIsMissing: true });
    expect(missing).toMatch(/^PyTorch is left out: no python3 with torch was found\. .*python3-torch.*TFSCI_PYTHON/);
    const [reference, wasm] = remarksOn({
      ...fine,
      rows: [rowWithNumbers({ sides: [slow] })],
      withoutWasm: ['a', 'b'],
    });
    expect(reference).toMatch(/reference BLAS.* not fair.*libopenblas0-pthread/);
    expect(wasm).toBe('wasm is left out of a, b: it would take minutes.');
  });
});

describe('writeReport', () => {
  it('writes the numbers as JSON and the page beside them, named by the date', async () => {
    const folder = path.join(await temporaryFolder(), 'a', 'b');
    const file = await writeReport(folder, REPORT);
    expect(file).toBe(path.join(folder, '2026-01-02T03-04-05.md'));
    expect((await readdir(folder)).sort()).toEqual(['2026-01-02T03-04-05.json', '2026-01-02T03-04-05.md']);
    expect(await readFile(file, 'utf8')).toBe(PAGE);
    expect(JSON.parse(await readFile(file.replace('.md', '.json'), 'utf8'))).toEqual(REPORT);
  });
});

describe('machine', () => {
  it('says where and with what was measured', () => {
    const { node, commit, cores, torch } = machine(null);
    expect([node, torch]).toEqual([process.version, null]);
    expect(commit).toMatch(/^([0-9a-f]{7,}\+?|unknown)$/);
    expect(cores).toBeGreaterThan(0);
    expect(machineLine({ ...MACHINE, torch: null })).toContain('; no PyTorch; ');
  });
});

describe('LiveTable', () => {
  it('prints the header at once and rows as they come, in columns', () => {
    const { stream, text } = screen(false);
    const table = new LiveTable(REPORT, ['mlp', 'transformer-small'], stream);
    table.add(rowWithNumbers());
    table.add(FAILED);
    expect(stripVTControlCharacters(text())).toBe(
      [
        'workload           PyTorch, ms  onnx 1T, ms  / PyTorch  onnx 2T, ms  / PyTorch  wasm, ms  compiled in, ms  results',
        'mlp                       50.0         75.0       1.50         40.0      0.800      1235              180  agree to 1e-5',
        'unet                      50.0            -          -            -          -         -                -  failed',
        '',
      ].join('\n'),
    );
  });
});

describe('StatusLine', () => {
  it('is a line that the next one replaces, cut to the width of the terminal', () => {
    const { stream, text } = screen(true);
    const status = new StatusLine(stream);
    status.show('one');
    status.show('two, which is longer than the line');
    status.clear();
    status.clear();
    expect(text()).toBe('\r\u001b[Kone\r\u001b[Ktwo, which is longe\r\u001b[K');
  });

  it('is a line each where there is no terminal', () => {
    const { stream, text } = screen(false);
    const status = new StatusLine(stream);
    for (const line of ['one', 'one', 'two']) status.show(line);
    status.clear();
    expect(text()).toBe('one\ntwo\n');
  });
});
