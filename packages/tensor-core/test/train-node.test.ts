import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../src/backend';
import { key } from '../src/random';
import { fit, loadCheckpoint, type FitOptions, type LogRecord, type TrainingProgress } from '../src/train';
import { crc32c } from '../src/io/crc32';
import { directoryStore, jsonlLog, tensorboardLog, terminalProgress } from '../src/train/node';
import { examples, lossOf, Network, snapshot, type Batch } from './train/problem';

beforeAll(() => useBackend('cpu'));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tensor-core-train-'));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

describe('directoryStore', () => {
  it('keeps bytes under names, and knows what it keeps', async () => {
    for (const path of [join(folder, 'a', 'b'), pathToFileURL(join(folder, 'c'))]) {
      const store = directoryStore(path);
      expect(await store.list()).toEqual([]);
      expect(await store.load('best')).toBeNull();
      await store.save('best', Uint8Array.of(1, 2, 3));
      await store.save('step-1', Uint8Array.of(4));
      await store.save('best', Uint8Array.of(5, 6));
      expect((await store.list()).sort()).toEqual(['best', 'step-1']);
      expect(await directoryStore(path).load('best')).toEqual(Uint8Array.of(5, 6));
      await store.remove('step-1');
      await store.remove('step-1');
      expect(await store.list()).toEqual(['best']);
    }
    expect(await readdir(join(folder, 'c'))).toEqual(['best.safetensors']);
  });

  it('passes on what is wrong with the directory', async () => {
    await writeFile(join(folder, 'file'), 'x');
    await mkdir(join(folder, 'best.safetensors'));
    await expect(directoryStore(join(folder, 'file')).list()).rejects.toThrow(/ENOTDIR/);
    await expect(directoryStore(join(folder, 'file')).save('best', new Uint8Array())).rejects.toThrow(/EEXIST|ENOTDIR/);
    await expect(directoryStore(folder).load('best')).rejects.toThrow(/EISDIR/);
    await expect(directoryStore(folder).remove('best')).rejects.toThrow(/EISDIR|EPERM/);
  });

  it('clears what processes that are no more were writing, and nothing else', async () => {
    const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
    const old = new Date(Date.now() - 3.6e6 * 24 * 365);
    const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';
    const files = {
      gone: `.tfsci-${gone}-${uuid}.tmp`,
      ours: `.tfsci-${process.pid}-${uuid}.tmp`,
      oursOfAnEarlierLife: `.tfsci-${process.pid}-earlier.tmp`,
      // The process that started this one is there.
      alive: `.tfsci-${process.ppid}-${uuid}.tmp`,
      other: 'notes.tmp',
    };
    for (const name of Object.values(files)) await writeFile(join(folder, name), 'part');
    for (const name of [files.gone, files.oursOfAnEarlierLife, files.alive, files.other]) {
      await utimes(join(folder, name), old, old);
    }
    await directoryStore(folder).save('best', Uint8Array.of(1));
    const left = [files.ours, files.alive, files.other, 'best.safetensors'].sort();
    expect((await readdir(folder)).sort()).toEqual(left);
  });

  it('lets a run go on that was aborted', async () => {
    const once = async (directory: string, stop = Infinity) => {
      const model = new Network();
      const abort = new AbortController();
      const callbacks = { onStep: (step: number) => (step === stop ? abort.abort() : undefined) };
      const options: FitOptions<Batch> = {
        ...{ model, loss: lossOf(model), optimizer: tf.train.adam(0.01), data: examples(20), batchSize: 4, epochs: 3 },
        ...{ key: key(1), logEvery: 4, signal: abort.signal, callbacks },
        checkpoint: { store: directoryStore(directory), every: { epochs: 1 } },
      };
      return { result: await fit(options), weights: snapshot(model) };
    };
    const whole = await once(join(folder, 'whole'));
    expect((await once(join(folder, 'parts'), 6)).result.status).toBe('aborted');
    expect(await once(join(folder, 'parts'))).toEqual(whole);
    expect((await loadCheckpoint(directoryStore(join(folder, 'parts'))))!.step).toBe(15);
  });
});

const record = (step: number, values: Record<string, number> = { loss: 1 / step }) => ({
  ...{ step, epoch: step / 4, values, time: 1750000000 + step },
});

describe('jsonlLog', () => {
  const lines = async (file: string): Promise<unknown[]> =>
    (await readFile(file, 'utf8')).split('\n').map((line) => (line === '' ? line : (JSON.parse(line) as unknown)));

  it('writes a line a record', async () => {
    const file = join(folder, 'new', 'log.jsonl');
    const log = jsonlLog(file);
    await log.open!(0);
    for (const step of [1, 2]) await log.write(record(step));
    await log.write(record(3, { loss: NaN }));
    // Each is there as soon as it is written.
    expect(await lines(file)).toEqual([record(1), record(2), { ...record(3), values: { loss: null } }, '']);
    await log.close();
    await log.close();
  });

  it('drops what is beyond the step where a run goes on, and a line that was cut', async () => {
    const file = join(folder, 'log.jsonl');
    const before = [1, 2, 3, 3, 4].map((step) => `${JSON.stringify(record(step))}\n`).join('');
    for (const tail of ['', '{"step":5,"ep', '{"step":3}', 'not json\n', '{"time":3}\n', 'null\n']) {
      await writeFile(file, before + tail);
      const log = jsonlLog(pathToFileURL(file));
      await log.open!(3);
      await log.write(record(9));
      await log.close();
      expect(await lines(file)).toEqual([record(1), record(2), record(3), record(3), record(9), '']);
    }
    const log = jsonlLog(file);
    await log.open!(0);
    await log.close();
    expect(await readFile(file, 'utf8')).toBe('');
  });

  it('passes on what is wrong with the file', async () => {
    await expect(jsonlLog(folder).open!(0)).rejects.toThrow(/EISDIR/);
  });
});

/** A protocol buffer as [number of the field, value] pairs; bytes stay bytes. Written from the specification. */
function decode(message: Uint8Array): [number, number | Uint8Array][] {
  const fields: [number, number | Uint8Array][] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [number, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.push([number, varint()]);
    else if (wire === 1) fields.push([number, view.getFloat64((at += 8) - 8, true)]);
    else if (wire === 5) fields.push([number, view.getFloat32((at += 4) - 4, true)]);
    else {
      expect(wire).toBe(2);
      const length = varint();
      fields.push([number, message.subarray(at, (at += length))]);
    }
  }
  expect(at).toBe(message.length);
  return fields;
}

/** The events of a file, their frames checked. */
function events(file: Uint8Array): Record<number, number | Uint8Array>[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const found: Record<number, number | Uint8Array>[] = [];
  const unmask = (masked: number): number => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  let at = 0;
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true));
    expect(unmask(view.getUint32(at + 8, true))).toBe(crc32c(file.subarray(at, at + 8)));
    const event = file.subarray(at + 12, at + 12 + length);
    expect(unmask(view.getUint32(at + 12 + length, true))).toBe(crc32c(event));
    found.push(Object.fromEntries(decode(event)));
    at += length + 16;
  }
  return found;
}

describe('tensorboardLog', () => {
  const text = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array);

  it('writes event files: the version, where the run begins, then scalars', async () => {
    const log = tensorboardLog(join(folder, 'run'));
    await log.open!(0);
    await log.write(record(300, { loss: 0.1, 'validation/größe': -2e-8 }));
    await log.write(record(2 ** 40));
    await log.close();
    const [name] = (await readdir(join(folder, 'run'))) as [string];
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const [version, start, first, second, ...rest] = events(await readFile(join(folder, 'run', name)));
    expect(rest).toEqual([]);
    // Event: 1 wall_time, 2 step, 3 file_version, 5 summary, 7 session_log.
    expect(text(version![3])).toBe('brain.Event:2');
    expect(Math.abs(Number(version![1]) - Date.now() / 1000)).toBeLessThan(60);
    expect(start![2]).toBe(1);
    expect(decode(start![7] as Uint8Array)).toEqual([[1, 1]]);
    expect([first![1], first![2]]).toEqual([1750000300, 300]);
    // Summary: 1 value; Value: 1 tag, 2 simple_value.
    const values = decode(first![5] as Uint8Array).map(([, value]) => decode(value as Uint8Array));
    expect(values.map(([tag]) => text(tag![1]))).toEqual(['loss', 'validation/größe']);
    expect(values.map(([, value]) => value)).toEqual([[2, Math.fround(0.1)], [2, Math.fround(-2e-8)]]); // prettier-ignore
    expect(second![2]).toBe(2 ** 40);
  });

  it('goes on in another file, with the step from which earlier ones do not hold', async () => {
    const log = tensorboardLog(pathToFileURL(folder));
    for (const step of [0, 7]) {
      await log.open!(step);
      await log.close();
    }
    const files = (await readdir(folder)).sort();
    const starts = await Promise.all(files.map(async (name) => events(await readFile(join(folder, name)))[1]![2]));
    expect(starts.sort()).toEqual([1, 8]);
  });

  it('begins with the bytes with which every event file begins', async () => {
    vi.useFakeTimers({ now: 1.5e12 });
    const log = tensorboardLog(folder);
    await log.open!(0);
    await log.close();
    const [name] = (await readdir(folder)) as [string];
    const bytes = await readFile(join(folder, name));
    // A length of 24 and its masked CRC; field 1 as the float64 1.5e9; field 3 as 13 bytes of text.
    expect(bytes.subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
    expect(bytes.subarray(12, 21).toString('hex')).toBe('09000000c00b5ad641');
    expect(bytes.subarray(21, 36).toString('hex')).toBe(`1a0d${Buffer.from('brain.Event:2').toString('hex')}`);
  });
});

describe('terminalProgress', () => {
  const at = (step: number, more: Partial<TrainingProgress> = {}): TrainingProgress => ({
    ...{ step, steps: 400, epoch: 0, values: {} },
    ...more,
  });
  /** A stream that keeps what is written. */
  function screen(isTTY: boolean, columns = 120) {
    const written: string[] = [];
    return { written, isTTY, columns, write: (text: string) => written.push(text) > 0 };
  }
  beforeEach(() => {
    vi.useFakeTimers({ now: 1e6, toFake: ['performance'] });
  });

  it('draws one line anew on a terminal, with the speed of this session and the time left', () => {
    const stream = screen(true);
    const view = terminalProgress({ title: 'swe', stream });
    view.show(at(100));
    vi.advanceTimersByTime(2000);
    view.show(at(200, { epoch: 1.5, values: { loss: 0.123456, 'validation/loss': 2e-7 } }));
    view.end();
    const bar = (n: number) => '█'.repeat(n) + '░'.repeat(20 - n);
    expect(stream.written).toEqual([
      `\r${'swe '}${bar(5)} 25% 100/400\u001b[K`,
      // 100 steps in 2 s, 200 to go.
      `\rswe ${bar(10)} 50% 200/400, 50 steps/s, 4 s left, epoch 1.50, loss 0.1235, validation/loss 2e-7\u001b[K`,
      `\rswe ${bar(10)} 50% 200/400, 50 steps/s, 4 s left, epoch 1.50, loss 0.1235, validation/loss 2e-7\u001b[K`,
      '\n',
    ]);
  });

  it('draws ten times a second at most, and cuts the line at the edge', () => {
    const stream = screen(true, 30);
    const view = terminalProgress({ stream });
    for (let i = 0; i <= 100; i++) {
      view.show(at(i, { values: { loss: 1 } }));
      vi.advanceTimersByTime(10);
    }
    expect(stream.written).toHaveLength(11);
    for (const line of stream.written) expect(line.replace('\r', '').replace('\u001b[K', '')).toHaveLength(29);
  });

  it('writes plain lines elsewhere, at times and at the end', () => {
    const stream = screen(false);
    const view = terminalProgress({ title: 'swe', stream, every: 5 });
    for (let i = 0; i < 13; i++) {
      view.show(at(i, { values: { loss: i } }));
      vi.advanceTimersByTime(1000);
    }
    view.show(at(400));
    view.end();
    view.end();
    expect(stream.written).toEqual([
      'swe 0% 0/400, loss 0\n',
      'swe 1% 5/400, 1 steps/s, 6:35 min left, loss 5\n',
      'swe 2% 10/400, 1 steps/s, 6:30 min left, loss 10\n',
      'swe 100% 400/400, 30.8 steps/s\n',
    ]);
    expect(stream.written.join('')).not.toMatch(/[^ -~\n]/);
  });

  it('measures the speed of the last twenty seconds, and tells hours', () => {
    const stream = screen(false);
    const view = terminalProgress({ stream, every: 0 });
    let step = 0;
    const last = (): string => stream.written.at(-1)!;
    const run = (seconds: number, perSecond: number): void => {
      for (let i = 0; i < seconds; i++) {
        vi.advanceTimersByTime(1000);
        view.show(at((step += perSecond), { steps: 1e6 }));
      }
    };
    view.show(at(0, { steps: 1e6 }));
    run(60, 10);
    expect(last()).toContain('10 steps/s, 27:45:40 h left');
    run(30, 100);
    expect(last()).toContain('100 steps/s, 2:46:04 h left');
  });

  it('shows nothing where nothing was to be shown, and can be used again', () => {
    const stream = screen(true);
    const view = terminalProgress({ stream });
    view.end();
    expect(stream.written).toEqual([]);
    for (const _ of [1, 2]) {
      stream.written.length = 0;
      view.show(at(100));
      view.end();
      expect(stream.written[0]).not.toContain('steps/s');
      vi.advanceTimersByTime(5000);
    }
  });

  it('follows a run of fit', async () => {
    vi.useRealTimers();
    const stream = screen(false);
    const history: LogRecord[] = [];
    const model = { w: tf.variable(tf.scalar(2)) };
    await fit({
      ...{ model, loss: () => model.w.square(), optimizer: tf.train.sgd(0.25), key: key(0) },
      ...{ data: examples(4), batchSize: 2, epochs: 2, logEvery: 2 },
      progress: terminalProgress({ stream }),
      callbacks: { onLog: (entry) => void history.push(entry) },
    });
    expect(stream.written[0]).toBe('0% 0/4\n');
    expect(stream.written.at(-1)).toMatch(/^100% 4\/4.*epoch 2\.00, loss 0\.1563\n$/);
    // w: 2, 1, 0.5, 0.25
    expect(history.map(({ values }) => values['loss'])).toEqual([2.5, 0.15625]);
    model.w.dispose();
  });
});
