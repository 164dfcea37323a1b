import { crc32c } from '../../io/crc32';

/** What an entry of an event file says. */
export interface EventContent {
  /** Seconds since 1970. */
  time: number;
  /** Default 0. */
  step?: number;
  /** The first entry of a file has it. */
  fileVersion?: string;
  /** Scalars by tag. */
  scalars?: Record<string, number>;
  /** A run begins, or goes on, with this step. */
  isStart?: boolean;
}

/**
 * An entry of a TensorBoard event file.
 *
 *   uint64 length | uint32 masked CRC of the length | Event | uint32 masked CRC of the Event,  all little-endian
 *
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details for the frame;
 *   tensorboard/compat/proto/event.proto and summary.proto for the numbers of the fields
 */
export function eventRecord(content: EventContent): Uint8Array {
  const event = eventMessage(content);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(event.length), true);
  return joined([length, maskedCrc(length), event, maskedCrc(event)]);
}

function eventMessage({ time, step = 0, fileVersion, scalars, isStart }: EventContent): Uint8Array {
  const parts = [field(1, Wire.Fixed64, doubleBytes(time))];
  if (step > 0) parts.push(field(2, Wire.Varint, varint(step)));
  if (fileVersion !== undefined) parts.push(field(3, Wire.Bytes, new TextEncoder().encode(fileVersion)));
  if (scalars) {
    const values = Object.entries(scalars).map(([tag, value]) => {
      const name = field(1, Wire.Bytes, new TextEncoder().encode(tag));
      return field(1, Wire.Bytes, joined([name, field(2, Wire.Fixed32, floatBytes(value))]));
    });
    parts.push(field(5, Wire.Bytes, joined(values)));
  }
  // A SessionLog with the status START.
  if (isStart) parts.push(field(7, Wire.Bytes, field(1, Wire.Varint, varint(1))));
  return joined(parts);
}

/** How the value of a field of a protocol buffer is written. */
const Wire = { Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const;

function field(number: number, wire: number, value: Uint8Array): Uint8Array {
  const tag = varint(number * 8 + wire);
  return joined(wire === Wire.Bytes ? [tag, varint(value.length), value] : [tag, value]);
}

/** Seven bits a byte, the lowest first; the highest bit says that more come. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.from([...bytes, value]);
}

function doubleBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}

function floatBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return bytes;
}

/** Rotated by 15 bits and shifted, so that CRCs of data that hold CRCs stay good. */
function maskedCrc(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const rotated = ((crc >>> 15) | (crc << 17)) >>> 0;
  const masked = new Uint8Array(4);
  new DataView(masked.buffer).setUint32(0, (rotated + 0xa282ead8) >>> 0, true);
  return masked;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
