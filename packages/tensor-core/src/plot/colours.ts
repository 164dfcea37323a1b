import { encode } from 'fast-png';
import { extent, type Mark } from './marks';

/** Colours of series, told apart by people of all kinds of sight (Okabe & Ito, 2008), black last. */
const PALETTE = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8b5a00', '#555555'];

/** The colour of each mark; marks with the same label share one. */
export function colours(marks: readonly Mark[]): string[] {
  const byLabel = new Map<string, string>();
  let next = 0;
  return marks.map((mark) => {
    if (mark.kind === 'image') return 'none';
    const known = mark.label === undefined ? undefined : byLabel.get(mark.label);
    const color = mark.color ?? known ?? PALETTE[next++ % PALETTE.length]!;
    if (mark.label !== undefined && known === undefined) byLabel.set(mark.label, color);
    return color;
  });
}

/** From a number in [0, 1] to a CSS colour. */
export type Ramp = (share: number) => string;

/** The picture of a matrix as a PNG in a data URL; one pixel a value, transparent where it is not finite. */
export function imageUrl(mark: Extract<Mark, { kind: 'image' }>, ramp: Ramp): string {
  const { values, rows, columns, origin = 'top' } = mark;
  const [low, high] = mark.range ?? extent(Array.from(values).filter(Number.isFinite));
  const table = Array.from({ length: 256 }, (_, i) => rgb(ramp(i / 255)));
  const data = new Uint8Array(rows * columns * 4);
  for (let row = 0; row < rows; row++) {
    const from = origin === 'top' ? row : rows - 1 - row;
    for (let column = 0; column < columns; column++) {
      const value = values[from * columns + column]!;
      if (!Number.isFinite(value)) continue;
      const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
      data.set([...table[Math.round(share * 255)]!, 255], 4 * (row * columns + column));
    }
  }
  return `data:image/png;base64,${base64(encode({ width: columns, height: rows, data, channels: 4 }))}`;
}

/** '#rrggbb' or 'rgb(r, g, b)', which are all that the schemes give. */
function rgb(color: string): [number, number, number] {
  const hex = /^#(..)(..)(..)$/.exec(color);
  const parts = hex ? hex.slice(1).map((two) => parseInt(two, 16)) : (color.match(/\d+/g) ?? []).map(Number);
  return [parts[0]!, parts[1]!, parts[2]!];
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
