import * as tf from '@tensorflow/tfjs';

/**
 * A few items that are prepared ahead, handed out in order. What is not taken is disposed at the end.
 *
 * @param make   starts the preparation of item number i
 * @param first  the number of the first item
 * @param end    the number after the last one, may be Infinity
 * @param ahead  how many items beyond the next one are prepared while the caller works
 */
export class Prefetcher<T extends tf.TensorContainer> {
  private readonly queue: Promise<T>[] = [];
  private prepared: number;

  constructor(
    private readonly make: (i: number) => T | Promise<T>,
    first: number,
    private readonly end: number,
    private readonly ahead: number,
  ) {
    this.prepared = first;
  }

  /** The next item, the caller's to dispose; rejects as its preparation did. */
  async next(): Promise<T> {
    this.fill(1);
    const item = this.queue.shift()!;
    const value = await item;
    this.fill(this.ahead);
    return value;
  }

  /** Waits for what is under way and disposes it. */
  async dispose(): Promise<void> {
    this.prepared = this.end;
    for (const item of this.queue.splice(0)) await item.then(tf.dispose, () => undefined);
  }

  private fill(length: number): void {
    while (this.queue.length < length && this.prepared < this.end) {
      const number = this.prepared++;
      // Asynchronous, so that a throw also waits for its turn.
      const item = (async () => this.make(number))();
      item.catch(() => undefined);
      this.queue.push(item);
    }
  }
}
