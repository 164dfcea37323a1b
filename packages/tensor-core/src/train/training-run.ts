import * as tf from '@tensorflow/tfjs';
import { foldIn } from '../random';
import type { RunState } from './checkpoint';
import { loadCheckpoint } from './checkpoint-store';
import type { FitResult, FitStatus } from './fit-options';
import type { Setup } from './fit-setup';
import type { LogRecord } from './log';
import { Measurements } from './measurements';
import { Prefetcher } from './prefetch';
import { restoreRun, saveRun } from './run-tensors';

const WHERE = 'tensor-core.fit';
/** Milliseconds after which timers, signals and the page get a turn. */
const BREATHE_AFTER = 50;

/** One call of `fit`: from the start or a checkpoint to the end, an abort or an error. */
export class TrainingRun<B extends tf.TensorContainer> {
  /** Steps done. */
  private step = 0;
  private history: LogRecord[] = [];
  private readonly measurements: Measurements;
  private latest: Record<string, number> = {};
  /** The step of the newest checkpoint. */
  private savedAt = 0;
  private breathed = 0;

  constructor(private readonly setup: Setup<B>) {
    this.measurements = new Measurements(setup.nanGuard !== 'off', (step, means) => {
      const record = this.record(step, means);
      return this.publish(record, setup.callbacks.onLog?.bind(setup.callbacks));
    });
  }

  async run(): Promise<FitResult> {
    const { setup } = this;
    const { logs, progress, source, accumulate, steps, prefetch } = setup;
    await this.begin();
    const at = (i: number): [number, number] => {
      const { batchesPerEpoch: length } = source;
      return length === Infinity ? [0, i] : [Math.floor(i / length), i % length];
    };
    const make = (i: number): B | Promise<B> => source.batch(...at(i));
    const batches = new Prefetcher<B>(make, this.step * accumulate, steps * accumulate, prefetch);
    let opened = 0;
    try {
      for (const log of logs) {
        await log.open?.(this.step);
        opened++;
      }
      this.showProgress();
      let status = this.ending();
      while (status === null) {
        await setup.callbacks.onStep?.(this.step);
        await this.takeStep(batches);
        await this.afterStep();
        status = this.ending();
      }
      return await this.end(status);
    } finally {
      progress?.end();
      await batches.dispose();
      await this.measurements.dispose();
      setup.stepper.dispose();
      for (const log of logs.slice(0, opened)) await log.close();
    }
  }

  /** Goes on from the newest checkpoint, if that is wanted and there is one. */
  private async begin(): Promise<void> {
    const { checkpoint, keeper, resume, holders, settings, best, earlyStop } = this.setup;
    if (!checkpoint || !keeper) return;
    if (!resume) return keeper.clear();
    const found = await loadCheckpoint(checkpoint.store);
    if (found === null) return;
    await restoreRun(WHERE, holders, found, settings);
    this.step = this.savedAt = found.step;
    this.history = found.history;
    this.measurements.sums = found.window;
    if (best && found.best) best.state = found.best;
    if (earlyStop && found.earlyStop) earlyStop.state = found.earlyStop;
  }

  /** Why the run is over, null while it is not. @throws RangeError under nanGuard 'throw' */
  private ending(): FitStatus | null {
    const { steps, signal, nanGuard, earlyStop, patience } = this.setup;
    const { nonFinite } = this.measurements;
    if (nonFinite) {
      if (nanGuard === 'stop') return 'diverged';
      const { name, step, value } = nonFinite;
      throw new RangeError(
        `${WHERE}: ${name} must be finite, got ${value} at step ${step}. Lower the learning rate, clip gradients, or look ` +
          `at the batch; checkpoints hold the run before.`,
      );
    }
    if (this.step >= steps) return 'finished';
    if (earlyStop && earlyStop.state.waited >= patience) return 'stopped-early';
    return signal?.aborted ? 'aborted' : null;
  }

  /** One step: its micro-batches, each disposed after its use. Values stay on the device. */
  private async takeStep(batches: Prefetcher<B>): Promise<void> {
    const { key, accumulate, stepper } = this.setup;
    const own = foldIn(key, this.step);
    for (let i = 0; i < accumulate; i++) {
      const batch = await batches.next();
      try {
        const context = { key: accumulate === 1 ? own : foldIn(own, i), step: this.step };
        const values = await stepper.run(batch, context, i === accumulate - 1);
        for (const scalars of values) this.measurements.add(this.step + 1, scalars);
      } finally {
        tf.dispose(batch);
      }
    }
    this.step++;
  }

  private async afterStep(): Promise<void> {
    const { step, measurements } = this;
    const { logEvery, steps, evaluator, validateDue, checkpointDue } = this.setup;
    const isFull = step % logEvery === 0;
    if (isFull || step === steps) {
      // At most one window is being read while the next one fills.
      await measurements.settle();
      measurements.read({ step, isFull });
    }
    let isBest = false;
    if (evaluator && validateDue(step)) isBest = await this.validate();
    const isDue = checkpointDue(step);
    if (isBest || isDue) await this.save({ newest: isDue, best: isBest });
    this.showProgress();
    await this.breathe();
  }

  /** Validates, and says whether that was the best. */
  private async validate(): Promise<boolean> {
    const { setup, step, measurements } = this;
    // Records come in the order of the steps.
    await measurements.settle();
    if (measurements.nonFinite) return false;
    const { evaluator, validatedAverage } = setup;
    validatedAverage?.apply();
    const values = await evaluator!.run().finally(() => validatedAverage?.restore());
    const named = Object.entries(values).map(([name, value]) => [`validation/${name}`, value] as const);
    const record = this.record(step, Object.fromEntries(named));
    await this.publish(record, setup.callbacks.onValidation?.bind(setup.callbacks));
    setup.earlyStop?.offer(WHERE, values, step);
    if (!setup.best || (setup.bestIsOptional && !(setup.best.metric in values))) return false;
    return setup.best.offer(WHERE, values, step);
  }

  /** Writes a checkpoint, unless something in it is not finite. */
  private async save(roles: { newest: boolean; best: boolean }): Promise<void> {
    const { step, measurements, setup } = this;
    const { keeper, holders, nanGuard, callbacks } = setup;
    if (!keeper) return;
    measurements.read();
    await measurements.settle();
    if (measurements.nonFinite) return;
    const { bytes, nonFinite } = await saveRun(holders, this.state());
    if (nonFinite !== undefined && nanGuard !== 'off') {
      measurements.nonFinite = { step, name: nonFinite, value: 'values that are not' };
      return;
    }
    await keeper.write(step, bytes, roles);
    if (roles.newest) this.savedAt = step;
    await callbacks.onCheckpoint?.({ step, isBest: roles.best });
  }

  private async end(status: FitStatus): Promise<FitResult> {
    const { measurements, step } = this;
    measurements.read();
    await measurements.settle();
    let final = measurements.nonFinite ? this.ending()! : status;
    if (final !== 'diverged' && step > this.savedAt) {
      await this.save({ newest: true, best: false });
      if (measurements.nonFinite) final = this.ending()!;
    }
    // With the values that have been read since.
    this.showProgress();
    const { best } = this.setup;
    const { best: value = null, bestStep = null } = best?.state ?? {};
    return {
      status: final,
      steps: step,
      epochs: this.epochsAt(step),
      history: this.history,
      best: value === null || bestStep === null ? null : { metric: best!.metric, value, step: bestStep },
    };
  }

  private state(): RunState {
    const { step, history, measurements } = this;
    const { settings, best, earlyStop } = this.setup;
    return {
      step,
      epoch: this.epochsAt(step),
      settings,
      history,
      window: measurements.sums,
      best: best?.state ?? null,
      earlyStop: earlyStop?.state ?? null,
    };
  }

  private record(step: number, values: Record<string, number>): LogRecord {
    return { step, epoch: this.epochsAt(step), values };
  }

  private async publish(
    record: LogRecord,
    callback: ((record: LogRecord) => void | Promise<void>) | undefined,
  ): Promise<void> {
    this.history.push(record);
    this.latest = { ...this.latest, ...record.values };
    for (const log of this.setup.logs) await log.write({ ...record, time: Date.now() / 1000 });
    await callback?.(record);
  }

  private epochsAt(step: number): number {
    const { source, accumulate } = this.setup;
    return source.batchesPerEpoch === Infinity ? 0 : (step * accumulate) / source.batchesPerEpoch;
  }

  private showProgress(): void {
    const { progress, steps } = this.setup;
    progress?.show({ step: this.step, steps, epoch: this.epochsAt(this.step), values: this.latest });
  }

  /** Lets timers, signals and the page have a turn now and then. */
  private async breathe(): Promise<void> {
    if (performance.now() - this.breathed < BREATHE_AFTER) return;
    await new Promise<void>((resolve) => setTimeout(resolve));
    this.breathed = performance.now();
  }
}
