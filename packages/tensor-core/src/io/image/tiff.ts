import { bytesFromArray } from '../bytes';
import type { ImagePixels } from './image';

/**
 * Writes an image as a TIFF file: little-endian, one strip, not compressed, alpha unassociated; 32 bits as IEEE floating
 * point.
 *
 * @throws RangeError when the image has more than the 4 GB that the format holds
 * @see TIFF revision 6.0, Adobe 1992; sample format: TIFF technical note of the same, section 19
 */
export function writeTiff({ width, height, channels, bitDepth, data }: ImagePixels): Uint8Array {
  const [SHORT, LONG] = [3, 4];
  const alpha = channels === 2 || channels === 4;
  const each = (value: number): number[] => new Array<number>(channels).fill(value);
  // Tag, type, values; the offset of the strip is set below.
  const fields: [tag: number, type: number, values: number[]][] = [
    [256, LONG, [width]],
    [257, LONG, [height]],
    [258, SHORT, each(bitDepth)],
    [259, SHORT, [1]],
    [262, SHORT, [channels > 2 ? 2 : 1]],
    [273, LONG, [0]],
    [277, SHORT, [channels]],
    [278, LONG, [height]],
    [279, LONG, [data.byteLength]],
    [284, SHORT, [1]],
    ...(alpha ? ([[338, SHORT, [2]]] as [number, number, number[]][]) : []),
    [339, SHORT, each(bitDepth === 32 ? 3 : 1)],
  ];
  const longLists = 8 + 2 + 12 * fields.length + 4;
  const header = longLists + fields.reduce((sum, [, , values]) => sum + (values.length > 2 ? 8 : 0), 0);
  const size = header + data.byteLength;
  if (size >= 2 ** 32) throw new RangeError(`tensor-core.writeTiff: the image must have less than 4 GB, got ${size}.`);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  file.set([0x49, 0x49, 0x2a, 0, 8]);
  view.setUint16(8, fields.length, true);
  let list = longLists;
  fields.forEach(([tag, type, values], i) => {
    const at = 10 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, values.length, true);
    if (type === LONG) return view.setUint32(at + 8, tag === 273 ? header : values[0]!, true);
    // Four bytes are in the field itself, more are elsewhere.
    const place = values.length > 2 ? list : at + 8;
    if (values.length > 2) view.setUint32(at + 8, list, true);
    values.forEach((value, k) => view.setUint16(place + 2 * k, value, true));
    if (values.length > 2) list += 8;
  });
  file.set(bytesFromArray(data, 'little'), header);
  return file;
}
