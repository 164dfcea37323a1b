/** The polynomial of Castagnoli, bits reversed. */
const POLYNOMIAL = 0x82f63b78;
/** table[k][b]: what the byte b does to the remainder when k bytes follow it. */
const table = tables(8);

/**
 * CRC-32C, as iSCSI, ext4 and TensorFlow's record files use it.
 *
 * @param bytes   what to check
 * @param before  the CRC of what came before these bytes, default of nothing
 * @returns an integer, 0 .. 2^32 - 1
 * @see RFC 3720, appendix B.4, for the polynomial and examples; Kounavis & Berry, 2005, for eight bytes at a time
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = table as [Table, Table, Table, Table, Table, Table, Table, Table];
  let crc = ~before;
  let i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

type Table = Int32Array;

function tables(count: number): Table[] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    return crc;
  });
  const all = [first];
  while (all.length < count) all.push(all.at(-1)!.map((crc) => first[crc & 0xff]! ^ (crc >>> 8)));
  return all;
}
