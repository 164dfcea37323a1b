import type { Entry } from './entry';
import type { Builder } from './graph/builder';
import { programOf } from './graph/program';
import type { Storage, Value } from './graph/value';
import type { BufferPool } from './runtime/buffer-pool';
import type { ExecutableCache } from './runtime/executables';
import type { Settings } from './options';

const MOST_CUTS = 64;

/** What has been recorded and not been run. */
export class Recording {
  /** Tensors that are alive and not computed. */
  private readonly pending = new Set<Entry>();
  /** Memory without owners that recorded nodes still read. */
  private readonly dropped: Storage[] = [];
  private droppedBytes = 0;
  /** Where recordings have been cut, see `flushAtLimit`. */
  private readonly cuts = new Set<string>();

  constructor(
    private readonly graph: Builder,
    private readonly pool: BufferPool,
    private readonly executables: ExecutableCache,
    private readonly settings: Settings,
  ) {}

  add(entry: Entry): void {
    this.pending.add(entry);
  }

  remove(entry: Entry): void {
    this.pending.delete(entry);
  }

  /** A tensor that held the storage is gone. */
  drop(storage: Storage): void {
    storage.owners--;
    if (storage.owners > 0 || !storage.pooled) return;
    if (storage.lastUse === this.graph.recording) this.hold(storage);
    else this.recycle(storage);
  }

  private hold(storage: Storage): void {
    this.dropped.push(storage);
    this.droppedBytes += storage.elements!.byteLength;
  }

  private recycle(storage: Storage): void {
    this.pool.give(storage.elements!.buffer as ArrayBuffer);
    storage.elements = null;
  }

  /**
   * Runs what is recorded if it has grown to a limit.
   *
   * A loop that reads no value would be cut at another place each time, and each piece compiled anew. So the place
   * of a cut is remembered by the operations before it, and past a quarter of the limit the recording is cut where
   * it comes to such a place again.
   */
  flushAtLimit(): void {
    const { nodes } = this.graph;
    const { maxPendingNodes, maxPendingBytes } = this.settings;
    if (this.droppedBytes > maxPendingBytes) this.flush();
    if (nodes < maxPendingNodes / 4) return;
    const place = this.graph.recent();
    if (nodes < maxPendingNodes && !this.cuts.has(place)) return;
    if (this.cuts.size >= MOST_CUTS) this.cuts.clear();
    this.cuts.add(place);
    this.flush();
  }

  /**
   * Runs what is recorded. Should that fail, the one that is wanted is tried alone, so that a tensor that cannot
   * be computed does not take the others with it.
   */
  flush(wanted?: Entry): void {
    try {
      this.run([...this.pending]);
    } catch (error) {
      if (wanted === undefined || this.pending.size === 1) throw error;
      this.run([wanted]);
      return;
    }
    this.graph.recording++;
    this.graph.nodes = 0;
    this.droppedBytes = 0;
    for (const storage of this.dropped.splice(0)) if (storage.owners === 0 && storage.elements) this.recycle(storage);
  }

  private run(entries: Entry[]): void {
    if (entries.length === 0) return;
    const values = entries.map(({ value }) => value!);
    const storages = this.compute(values);
    entries.forEach((entry, i) => {
      const value = entry.value!;
      value.node = null;
      value.storage = storages[i]!;
      value.storage.owners++;
      this.pending.delete(entry);
    });
  }

  private compute(values: Value[]): Storage[] {
    const program = programOf(values);
    const executable = this.executables.of(program);
    const storages = executable.run(
      program.inputs.map((number) => program.values[number]!),
      this.pool,
    );
    return program.places.map((place) => storages[place]!);
  }
}
