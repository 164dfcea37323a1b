import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { check } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../src/experiment';
import { RunStore } from '../src/run-store';
import { readResult, type Settings, type StoredResult } from '../src/stored-result';
import { failureOf, filesBelow, temporaryFolder } from './folders';

const ID = 'trial';
const SETTINGS: Settings = { profile: 'quick', seed: 3, backend: 'cpu', data: 'embedded' };
const OUTCOME: Outcome<number[]> = {
  checks: [{ claim: 'c', expected: 'e', source: 's', measured: 'm', holds: true }],
  data: [1, 2],
  dataset: 'd',
};

async function open(out: string, resume = false, settings: Partial<Settings> = {}): Promise<RunStore> {
  const store = await RunStore.open(out, ID, { ...SETTINGS, ...settings }, resume);
  if (store === null) throw new Error('the run was taken for finished');
  return store;
}

async function partFiles(out: string): Promise<string[]> {
  const folder = path.join(out, ID, 'unfinished', 'parts');
  return (await readdir(folder)).map((name) => path.join(folder, name));
}

/** Contents of all files of a folder, to see that nothing has changed. */
async function snapshot(out: string): Promise<Record<string, string>> {
  const names = await filesBelow(out);
  const texts = await Promise.all(names.map((name) => readFile(path.join(out, name), 'utf8')));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]!]));
}

describe('parts of a run', () => {
  it.each([0, null, false, '', 'größer', [1, [2.5e-310]], { a: { b: null } }, 0.1 + 0.2])(
    'gives back %j as it was put',
    async (value) => {
      const out = await temporaryFolder();
      const store = await open(out);
      expect(await store.get('part')).toBeUndefined();
      await store.set('part', value);
      expect(await store.get('part')).toEqual(value);
      expect(await (await open(out, true)).get('part')).toEqual(value);
    },
  );

  it('replaces a part that is put again', async () => {
    const store = await open(await temporaryFolder());
    await store.set('part', 1);
    await store.set('part', 2);
    expect(await store.get('part')).toBe(2);
  });

  it('keeps names apart that differ in odd characters, in case, or only after many characters', async () => {
    const out = await temporaryFolder();
    const names = [
      ...['a b', 'a_b', 'a/b', 'a\\b', 'a  b', 'a:b', 'ab', 'AB', 'MoMo* lr=1', 'MoMo lr=1', 'MoMo_ lr=1'],
      ...[
        '',
        '.',
        '..',
        '../a',
        '/etc/a',
        'con',
        '\u00e4',
        'a\u0308',
        '\u0000',
        '💡',
        `${'x'.repeat(300)}1`,
        `${'x'.repeat(300)}2`,
      ],
    ];
    const store = await open(out);
    await Promise.all(names.map((name, i) => store.set(name, i)));
    expect(await Promise.all(names.map((name) => store.get(name)))).toEqual(names.map((_, i) => i));
    const files = (await partFiles(out)).map((file) => path.basename(file));
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(names.length);
    for (const file of files) expect(file).toMatch(/^[\w.=-]{1,100}\.json$/);
    expect((await filesBelow(out)).every((file) => file.startsWith(ID))).toBe(true);
  });

  it('leaves the earlier part and nothing half-written when a value cannot be stored', async () => {
    const out = await temporaryFolder();
    const store = await open(out);
    await store.set('part', 1);
    const before = await snapshot(out);
    await expect(store.set('part', { loss: NaN })).rejects.toThrow(RangeError);
    await expect(store.set('part', 1n)).rejects.toThrow(TypeError);
    await expect(store.set('part', undefined)).rejects.toThrow(
      'reproduce: the part "part" must be what JSON can hold, got undefined.',
    );
    expect(await snapshot(out)).toEqual(before);
  });
});

describe('RunStore.open', () => {
  it('without resume clears the parts, but leaves the result until the next run has finished', async () => {
    const out = await temporaryFolder();
    const first = await open(out);
    await first.finish(OUTCOME, 'machine');
    const second = await open(out);
    await second.set('part', 1);
    const third = await open(out);
    expect(await third.get('part')).toBeUndefined();
    expect(await partFiles(out)).toEqual([]);
    expect((await readResult(out, ID))?.outcome).toEqual(OUTCOME);
    await third.finish({ ...OUTCOME, data: [3] }, 'machine');
    expect((await readResult(out, ID))?.outcome.data).toEqual([3]);
  });

  it('refuses to resume with other settings, naming those that differ, and changes nothing', async () => {
    const out = await temporaryFolder();
    await (await open(out)).set('part', 1);
    const before = await snapshot(out);
    const failure = await failureOf(open(out, true, { profile: 'full', seed: 4 }));
    expect(failure.message).toBe(
      'reproduce: --resume must go on with the settings of the stopped run, which had profile quick (now full), ' +
        'seed 3 (now 4). Give the same options, or leave --resume out to start anew.',
    );
    expect((await failureOf(open(out, true, { backend: 'wasm' }))).message).toContain('backend cpu (now wasm)');
    expect((await failureOf(open(out, true, { data: 'mine' }))).message).toContain('data embedded (now mine)');
    expect(await snapshot(out)).toEqual(before);
  });

  it('resumes to nothing when the run has finished, and runs where other settings have', async () => {
    const out = await temporaryFolder();
    await (await open(out)).finish(OUTCOME, 'machine');
    const before = await snapshot(out);
    expect(await RunStore.open(out, ID, SETTINGS, true)).toBeNull();
    expect(await snapshot(out)).toEqual(before);
    expect(await RunStore.open(out, ID, { ...SETTINGS, seed: 9 }, true)).toBeInstanceOf(RunStore);
  });

  it('takes up a run that was started anew and stopped at once, though an earlier one has finished', async () => {
    const out = await temporaryFolder();
    await (await open(out)).finish(OUTCOME, 'machine');
    await open(out);
    expect(await RunStore.open(out, ID, SETTINGS, true)).toBeInstanceOf(RunStore);
  });

  it('with resume and nothing to resume starts anew, without parts of unknown settings', async () => {
    const out = await temporaryFolder();
    await mkdir(path.join(out, ID, 'unfinished', 'parts'), { recursive: true });
    await writeFile(path.join(out, ID, 'unfinished', 'parts', 'stray.json'), '{}');
    await open(out, true);
    expect(await filesBelow(out)).toEqual([path.join(ID, 'unfinished', 'run.json')]);
  });

  it('says that --out cannot be used when it is a file or lies in one', async () => {
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    for (const out of [file, path.join(file, 'below')]) {
      for (const resume of [false, true]) {
        const { message } = await failureOf(open(out, resume));
        expect(message).toContain(`reproduce: --out must be a folder that can be written, got ${out}. `);
      }
    }
  });
});

describe('finish', () => {
  it('leaves the result alone in the folder, with what it was run with', async () => {
    const out = await temporaryFolder();
    const store = await open(out);
    await store.set('part', 1);
    const result = await store.finish(OUTCOME, 'a machine');
    expect(await filesBelow(out)).toEqual([path.join(ID, 'result.json')]);
    expect(await readdir(path.join(out, ID))).toEqual(['result.json']);
    expect(await readResult(out, ID)).toEqual(result);
    expect(result).toMatchObject({ id: ID, settings: SETTINGS, outcome: OUTCOME, machine: 'a machine' });
    expect(Math.abs(Date.now() - Date.parse(result.finished))).toBeLessThan(60_000);
  });

  it('counts the time of earlier sessions in', async () => {
    const out = await temporaryFolder();
    const first = await open(out);
    first.start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await first.set('part', 1);
    const second = await open(out, true);
    second.start();
    await second.get('part');
    // Timers may fire a millisecond early; the second session alone takes far less than half of this.
    expect((await second.finish(OUTCOME, 'machine')).seconds).toBeGreaterThan(0.29);
  });

  it('keeps parts and the earlier result when the outcome cannot be stored', async () => {
    const out = await temporaryFolder();
    await (await open(out)).finish(OUTCOME, 'machine');
    const store = await open(out);
    await store.set('part', 1);
    const before = await snapshot(out);
    await expect(store.finish({ ...OUTCOME, data: [Infinity] }, 'machine')).rejects.toThrow(RangeError);
    const { data: _, ...incomplete } = OUTCOME;
    await expect(store.finish(incomplete as unknown as typeof OUTCOME, 'machine')).rejects.toThrow(TypeError);
    expect(await snapshot(out)).toEqual(before);
  });
});

describe('damaged files', () => {
  const cuts = ['', '{', '{"name": "part", "val', '\u0000\u0000', 'null', '[]', '7', '"text"', '{}'];

  it.each(cuts)('a part holding %j is a FormatError that names it, and all stays in place', async (text) => {
    const out = await temporaryFolder();
    await (await open(out)).set('other', 2);
    const [other] = await partFiles(out);
    await (await open(out, true)).set('part', 1);
    const file = (await partFiles(out)).find((name) => name !== other)!;
    await writeFile(file, text);
    const store = await open(out, true);
    const before = await snapshot(out);
    const failure = await failureOf(store.get('part'));
    expect(failure).toBeInstanceOf(check.FormatError);
    expect(failure.message).toContain(file);
    expect(await snapshot(out)).toEqual(before);
    expect(await store.get('other')).toBe(2);
  });

  it('a part under the name of another is a FormatError', async () => {
    const out = await temporaryFolder();
    const store = await open(out);
    await store.set('one', 1);
    const [one] = await partFiles(out);
    await store.set('two', 2);
    const two = (await partFiles(out)).find((name) => name !== one)!;
    await writeFile(one!, await readFile(two));
    const failure = await failureOf(store.get('one'));
    expect(failure).toBeInstanceOf(check.FormatError);
    expect(failure.message).toBe(`reproduce: ${one} must hold the part "one". Delete it, or run without --resume.`);
  });

  it.each([...cuts, JSON.stringify({ ...SETTINGS, seed: '3' })])(
    'a run.json holding %j is a FormatError on resume, and no hindrance to start anew',
    async (text) => {
      const out = await temporaryFolder();
      await (await open(out)).set('part', 1);
      const file = path.join(out, ID, 'unfinished', 'run.json');
      await writeFile(file, text);
      const before = await snapshot(out);
      const failure = await failureOf(open(out, true));
      expect(failure).toBeInstanceOf(check.FormatError);
      expect(failure.message).toContain(file);
      expect(await snapshot(out)).toEqual(before);
      expect(await (await open(out)).get('part')).toBeUndefined();
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(SETTINGS);
    },
  );

  it.each([...cuts, '{"id": "trial", "outcome": {"checks": []}}'])(
    'a result.json holding %j is a FormatError that names it',
    async (text) => {
      const out = await temporaryFolder();
      await (await open(out)).finish(OUTCOME, 'machine');
      const file = path.join(out, ID, 'result.json');
      await writeFile(file, text);
      for (const read of [() => readResult(out, ID), () => RunStore.open(out, ID, SETTINGS, true)]) {
        const failure = await failureOf(read());
        expect(failure).toBeInstanceOf(check.FormatError);
        expect(failure.message).toContain(file);
      }
      expect(await readFile(file, 'utf8')).toBe(text);
    },
  );

  it.each<[string, (result: StoredResult) => unknown]>([
    ['of another experiment', (result) => ({ ...result, id: 'other' })],
    ['with a seed that is text', (result) => ({ ...result, settings: { ...SETTINGS, seed: '<b>' } })],
    ['without a machine', ({ machine: _, ...rest }) => rest],
    [
      'with a check that has no verdict',
      (result) => ({ ...result, outcome: { ...OUTCOME, checks: [{ claim: 'c' }] } }),
    ],
    ['with checks that are no list', (result) => ({ ...result, outcome: { ...OUTCOME, checks: {} } })],
  ])('a result %s is a FormatError', async (_, damaged) => {
    const out = await temporaryFolder();
    const result = await (await open(out)).finish(OUTCOME, 'machine');
    const file = path.join(out, ID, 'result.json');
    await writeFile(file, JSON.stringify(damaged(result)));
    const failure = await failureOf(readResult(out, ID));
    expect(failure).toBeInstanceOf(check.FormatError);
    expect(failure.message).toBe(
      `reproduce: ${file} must hold a result of ${ID}. Delete it and run the experiment again.`,
    );
  });

  it('no result is none', async () => {
    expect(await readResult(await temporaryFolder(), ID)).toBeUndefined();
  });
});
