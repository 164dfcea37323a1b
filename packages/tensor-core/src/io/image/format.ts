import { FormatError } from '../../check';

/** The image formats that are read. */
export type ImageFormat = 'PNG' | 'JPEG' | 'TIFF' | 'WebP';

/**
 * The format of an image, by its first bytes. Decoders know many more, some of which are programs in disguise (SVG,
 * PDF), so nothing else is handed to them.
 *
 * @throws FormatError when it is none of these
 */
export function imageFormatOf(where: string, bytes: Uint8Array): ImageFormat {
  const begins = (at: number, ...wanted: number[]): boolean => wanted.every((byte, i) => bytes[at + i] === byte);
  if (begins(0, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return 'PNG';
  if (begins(0, 0xff, 0xd8, 0xff)) return 'JPEG';
  if (begins(0, 0x49, 0x49, 0x2a, 0) || begins(0, 0x4d, 0x4d, 0, 0x2a)) return 'TIFF';
  if (begins(0, 0x52, 0x49, 0x46, 0x46) && begins(8, 0x57, 0x45, 0x42, 0x50)) return 'WebP';
  const start = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new FormatError(
    `${where}: the image must be PNG, JPEG, TIFF or WebP, but it begins with ${start || 'nothing'}.`,
  );
}

/** Decoders accept a PNG without its end. @throws FormatError when its chunks do not reach the closing IEND */
export function checkPngEnd(where: string, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49454e44) return;
  }
  throw new FormatError(`${where}: the image must be whole PNG, but it ends before its IEND chunk. It is truncated.`);
}

/**
 * The image without its EXIF data, which browsers obey without being asked. What is not well-formed is left to the
 * decoder.
 *
 * @returns a copy
 */
export function withoutExif(format: ImageFormat, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const named = (at: number, name: string): boolean => [...name].every((c, i) => copy[at + i] === c.charCodeAt(0));
  if (format === 'JPEG') {
    // Segments: ff, marker, length; the pixels begin at ff da. EXIF data are known by their name.
    for (let at = 2; at + 4 <= copy.length && copy[at + 1] !== 0xda; at += 2 + view.getUint16(at + 2)) {
      if (copy[at + 1] === 0xe1 && named(at + 4, 'Exif')) copy.fill(0, at + 4, at + 8);
    }
  } else if (format === 'WebP') {
    for (let at = 12; at + 8 <= copy.length;) {
      const length = view.getUint32(at + 4, true);
      // Chunks of unknown names are skipped.
      if (named(at, 'EXIF')) copy.fill(0x5a, at, at + 4);
      at += 8 + length + (length % 2);
    }
  } else if (format === 'PNG') {
    for (let at = 8; at + 12 <= copy.length;) {
      const end = at + 12 + view.getUint32(at);
      if (named(at + 4, 'eXIf')) {
        const rest = new Uint8Array(copy.length - (end - at));
        rest.set(copy.subarray(0, at));
        rest.set(copy.subarray(end), at);
        return rest;
      }
      at = end;
    }
  }
  return copy;
}
