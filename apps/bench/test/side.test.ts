import { describe, expect, it } from 'vitest';
import { Side } from '../src/side';
import { fakeProgram, linesOf, noSignal, temporaryFolder, type FakeOptions } from './fakes';

describe('Side', () => {
  it('tells what the process said when it was ready, and the times of its steps', async () => {
    const side = await Side.start(fakeProgram('fake', { milliseconds: 7 }), { signal: noSignal });
    expect(side.ready).toEqual({
      engine: 'Fake 1.0',
      blas: 'fake BLAS',
      checks: [3, 2, 1],
      warmUpMs: [100, 20, 6, 7],
    });
    expect(await side.run(3)).toEqual([7, 7, 7]);
    expect(await side.run(1)).toEqual([7]);
    await side.end();
  });

  it('passes over what a library prints', async () => {
    const side = await Side.start(fakeProgram('fake', { behaviour: 'prints' }), { signal: noSignal });
    expect(await side.run(1)).toEqual([5]);
    await side.end();
  });

  it('lets the process end by itself', async () => {
    const log = `${await temporaryFolder()}/log`;
    const side = await Side.start(fakeProgram('fake', { log }), { signal: noSignal });
    await side.end();
    expect(await linesOf(log)).toEqual(['fake started', 'fake ended']);
  });

  it.each<[NonNullable<FakeOptions['behaviour']>, string]>([
    ['dies at once', 'fake: no such module'],
    ['refuses', 'fake: a kernel is missing'],
    ['talks nonsense', 'fake: the first answer must have engine, checks and warmUpMs, got {"engine":"fake"'],
  ])('does not start when the process %s', async (behaviour, message) => {
    await expect(Side.start(fakeProgram('fake', { behaviour }), { signal: noSignal })).rejects.toThrow(message);
  });

  it('does not start where there is no such program', async () => {
    const program = { ...fakeProgram('fake'), command: '/nowhere/python3' };
    await expect(Side.start(program, { signal: noSignal })).rejects.toThrow('fake: spawn /nowhere/python3 ENOENT');
  });

  it.each<[NonNullable<FakeOptions['behaviour']>, string]>([
    ['dies in a round', 'fake: the process ended without a word'],
    ['miscounts', 'fake: the answer must have the times of 2 steps, got {"times":[5,5,5]}'],
  ])('says so when the process %s', async (behaviour, message) => {
    const side = await Side.start(fakeProgram('fake', { behaviour }), { signal: noSignal });
    await expect(side.run(2)).rejects.toThrow(message);
    await side.end();
  });

  it('does not wait for ever', async () => {
    const start = Side.start(fakeProgram('fake', { behaviour: 'is silent' }), { signal: noSignal, answerLimitMs: 50 });
    await expect(start).rejects.toThrow('fake: no answer within 0.05 s');
  });

  it('ends the process when the signal comes, with its reason', async () => {
    const stopper = new AbortController();
    const start = Side.start(fakeProgram('fake', { behaviour: 'is silent' }), { signal: stopper.signal });
    const reason = new Error('enough');
    stopper.abort(reason);
    await expect(start).rejects.toBe(reason);
    await expect(Side.start(fakeProgram('fake'), { signal: stopper.signal })).rejects.toBe(reason);
  });
});
