/** What a byte does to the remainder when k bytes follow it, for k = 0 .. 7: eight bytes are taken in a step. */
type Tables = [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

/** By polynomial, made at their first use. */
const made = new Map<number, Tables>();

/** The polynomials, bits reversed: that of RFC 1952, and Castagnoli's. */
const ZIP = 0xedb88320;
const CASTAGNOLI = 0x82f63b78;

/**
 * The cyclic redundancy check of zip and gzip: the remainder of the bytes, as a polynomial over GF(2) with the lowest
 * bit first, by x^32 + x^26 + x^23 + x^22 + x^16 + x^12 + x^11 + x^10 + x^8 + x^7 + x^5 + x^4 + x^2 + x + 1, both ends
 * inverted.
 *
 * @returns an integer, 0 .. 2^32 - 1
 * @see RFC 1952, section 8, https://www.rfc-editor.org/rfc/rfc1952
 */
export function crc32(bytes: Uint8Array): number {
  return remainder(ZIP, bytes, 0);
}

/**
 * CRC-32C, as iSCSI, ext4 and TensorFlow's record files use it.
 *
 * @param bytes   what to check
 * @param before  the CRC of what came before these bytes, default of nothing
 * @returns an integer, 0 .. 2^32 - 1
 * @see RFC 3720, appendix B.4, for the polynomial and examples; Kounavis & Berry, 2005, for eight bytes at a time
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  return remainder(CASTAGNOLI, bytes, before);
}

function remainder(polynomial: number, bytes: Uint8Array, before: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tablesOf(polynomial);
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

function tablesOf(polynomial: number): Tables {
  let tables = made.get(polynomial);
  if (tables === undefined) {
    const first = Int32Array.from({ length: 256 }, (_, byte) => {
      let crc = byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
      return crc;
    });
    const all = [first];
    while (all.length < 8) all.push(all.at(-1)!.map((crc) => first[crc & 0xff]! ^ (crc >>> 8)));
    tables = all as Tables;
    made.set(polynomial, tables);
  }
  return tables;
}
