/** A value of Thrift's compact protocol: numbers (booleans as 0 and 1) and structs; strings and lists are passed over. */
export type ThriftStruct = ReadonlyMap<number, number | ThriftStruct>;

const maxDepth = 8;

/** Reads bytes from front to back. Every read beyond the end is a RangeError. */
export class ByteCursor {
  /** @param view  the bytes @param at  where to begin */
  constructor(
    private readonly view: DataView,
    public at = 0,
  ) {}

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  uint32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  /** An unsigned integer of 7 bits a byte, the least significant first. @throws Error beyond 2^53 */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new Error('a number is too large');
      if (byte < 128) return value;
    }
  }

  /** A signed integer: 0, -1, 1, -2, … as 0, 1, 2, 3, … */
  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /**
   * A struct of Thrift's compact protocol, in which Parquet's page headers are written.
   *
   * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
   */
  struct(depth = 0): ThriftStruct {
    if (depth > maxDepth) throw new Error('structs are nested too deeply');
    const fields = new Map<number, number | ThriftStruct>();
    let id = 0;
    for (let head = this.byte(); (head & 15) !== 0; head = this.byte()) {
      id = head >> 4 === 0 ? this.zigzag() : id + (head >> 4);
      const value = this.#value(head & 15, depth);
      if (value !== null) fields.set(id, value);
    }
    return fields;
  }

  #value(type: number, depth: number): number | ThriftStruct | null {
    if (type === 1 || type === 2) return type === 1 ? 1 : 0;
    if (type === 3) return this.byte();
    if (type >= 4 && type <= 6) return this.zigzag();
    if (type === 7) this.at += 8;
    else if (type === 8) this.at += this.varint();
    else if (type === 9 || type === 10) this.#passList(depth);
    else if (type === 12) return this.struct(depth + 1);
    else throw new Error(`type ${type} is unknown`);
    return null;
  }

  #passList(depth: number): void {
    const head = this.byte();
    const length = head >> 4 === 15 ? this.varint() : head >> 4;
    const type = head & 15;
    for (let i = 0; i < length; i++) {
      if (type === 1 || type === 2) this.byte();
      else this.#value(type, depth + 1);
    }
  }
}
