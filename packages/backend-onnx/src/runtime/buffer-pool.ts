/** Buffers smaller than this are not worth keeping. */
const SMALLEST = 4096;

/**
 * Memory to use again: a fresh buffer costs a page fault per 4 KiB at its first use, as much as a matrix
 * product that fills it.
 */
export class BufferPool {
  private readonly free = new Map<number, ArrayBuffer[]>();
  private bytes = 0;

  constructor(private readonly settings: { poolBytes: number }) {}

  /**
   * A buffer of `bytes` bytes with unspecified content.
   * @throws RangeError when there is not enough memory
   */
  take(bytes: number): ArrayBuffer {
    const list = bytes < SMALLEST ? undefined : this.free.get(bytes);
    const found = list?.pop();
    if (found === undefined) return this.allocate(bytes);
    if (list!.length === 0) this.free.delete(bytes);
    this.bytes -= bytes;
    return found;
  }

  private allocate(bytes: number): ArrayBuffer {
    try {
      return new ArrayBuffer(bytes);
    } catch (cause) {
      this.clear();
      const wanted = `backend-onnx: memory for a tensor of ${bytes} bytes must be available`;
      throw new RangeError(`${wanted}, got none. Use smaller tensors or batches.`, { cause });
    }
  }

  /** Hands a buffer back; nothing may refer to it any more. */
  give(buffer: ArrayBuffer): void {
    const { byteLength } = buffer;
    if (byteLength < SMALLEST || byteLength > this.settings.poolBytes) return;
    // Sizes that have not been asked for since they came are dropped first: the map is in order of their first buffer.
    for (const [size, list] of this.free) {
      if (this.bytes + byteLength <= this.settings.poolBytes) break;
      this.bytes -= size * list.length;
      this.free.delete(size);
    }
    const list = this.free.get(byteLength);
    if (list) list.push(buffer);
    else this.free.set(byteLength, [buffer]);
    this.bytes += byteLength;
  }

  /** Bytes kept for later use. */
  get keptBytes(): number {
    return this.bytes;
  }

  clear(): void {
    this.free.clear();
    this.bytes = 0;
  }
}
