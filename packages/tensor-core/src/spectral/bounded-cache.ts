/** Values made on demand and kept while their sizes fit a budget together; those unused for longest go first. */
export class BoundedCache<V> {
  private readonly entries = new Map<string, { value: V; size: number }>();
  private total = 0;

  /** @param budget  largest sum of sizes; what is larger alone is made, but not kept */
  constructor(readonly budget: number) {}

  /** The value of a key, made by `make` unless it is kept. */
  get(key: string, size: number, make: () => V): V {
    let entry = this.entries.get(key);
    if (entry !== undefined) {
      this.entries.delete(key);
    } else {
      entry = { value: make(), size };
      if (size > this.budget) return entry.value;
      this.total += size;
    }
    this.entries.set(key, entry);
    for (const [oldest, { size: freed }] of this.entries) {
      if (this.total <= this.budget) break;
      this.entries.delete(oldest);
      this.total -= freed;
    }
    return entry.value;
  }
}
