import type { HostTransform } from '../../feature-map';
import { biasedDim, type PolynomialKernel } from '../polynomial-kernel';
import type { SrhtProjection } from '../srht-projection';
import { SRHT_WASM } from './srht-wasm';

/** `transform` of wasm/srht.ts: its arguments in order. */
type SrhtTransform = (...numbers: number[]) => void;

interface SrhtModule {
  transform: SrhtTransform;
  memory: WebAssembly.Memory;
}

/** Where things lie in the memory of the module, in bytes. */
interface Layout {
  signs: number;
  rows: number;
  points: number;
  work: number;
  out: number;
  end: number;
}

/** The kernel takes points by four. */
const GROUP = 4;
/** Bytes of points and features that are worked on at a time, so that they stay in the second cache. */
const BLOCK_BYTES = 2 ** 18;
/** Between the features of two points: distances of powers of two would share a few lines of the cache. */
const GAP = 64;
/** The memory, which all maps share, never shrinks: what needs more goes by the graph. */
const LARGEST_MEMORY = 2 ** 26;
const PAGE = 2 ** 16;

let loaded: SrhtModule | null | undefined;

/** The kernel, made when it is first asked for; null where it cannot be. */
function srhtModule(): SrhtModule | null {
  if (loaded === undefined) loaded = loadModule();
  return loaded;
}

function loadModule(): SrhtModule | null {
  try {
    const bytes = Uint8Array.from(atob(SRHT_WASM), (char) => char.charCodeAt(0));
    const memory = new WebAssembly.Memory({ initial: 0 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    return { transform: exports['transform'] as SrhtTransform, memory };
  } catch {
    // No WebAssembly, none with SIMD, or a page whose security policy forbids it: the graph serves.
    return null;
  }
}

/**
 * The product sketch of Hadamard projections by a kernel in WebAssembly, [Re | Im] where they are complex.
 *
 * @param projections  one for each degree, all of one shape
 * @returns null where WebAssembly with SIMD cannot be had or the projections would need too much of its memory
 */
export function srhtTransform(
  projections: readonly SrhtProjection[],
  kernel: PolynomialKernel & { inputDim: number },
): HostTransform | null {
  const module = srhtModule();
  if (module === null) return null;
  const { paddedDim, blocks, rows, signs } = projections[0]!;
  const degree = projections.length;
  const parts = signs.im === null ? 1 : 2;
  const features = rows.length;
  const paddedFeatures = multipleOf(GROUP, features);
  const columns = multipleOf(GROUP, biasedDim(kernel.inputDim, kernel));
  const stride = 4 * parts * paddedFeatures + GAP;
  const groupBytes = GROUP * (4 * columns + stride);
  const groups = Math.max(1, Math.floor(BLOCK_BYTES / groupBytes));
  const layout = layoutOf({
    signs: 4 * degree * blocks * paddedDim * parts,
    rows: 4 * degree * paddedFeatures,
    points: 4 * groups * GROUP * columns,
    work: 16 * (Math.max(paddedDim, columns) + degree * blocks * paddedDim * parts),
    out: groups * GROUP * stride,
  });
  if (layout.end > LARGEST_MEMORY) return null;

  const bias = Math.sqrt(kernel.coef0);
  const target = { stride: columns, offset: bias > 0 ? 1 : 0, scale: Math.sqrt(kernel.gamma) };
  const allSigns = signsOf(projections, parts, Math.sqrt(kernel.variance / features));
  const allRows = rowsOf(projections, parts, paddedFeatures);
  // Real and imaginary parts lie together where there is nothing between them.
  const run = features === paddedFeatures ? parts * features : features;

  return (reader, first, count, out) => {
    const floats = floatsOf(module.memory, layout.end);
    floats.set(allSigns, layout.signs / 4);
    new Uint32Array(floats.buffer).set(allRows, layout.rows / 4);
    for (let done = 0; done < count; done += groups * GROUP) {
      const number = Math.min(groups * GROUP, count - done);
      const usedGroups = Math.ceil(number / GROUP);
      const points = floats.subarray(layout.points / 4, layout.points / 4 + usedGroups * GROUP * columns).fill(0);
      reader.read(first + done, number, { out: points, ...target });
      if (bias > 0) for (let row = 0; row < number; row++) points[row * columns] = bias;
      module.transform(
        usedGroups,
        degree,
        blocks,
        paddedDim,
        paddedFeatures,
        parts,
        columns,
        layout.points,
        layout.signs,
        layout.rows,
        layout.work,
        layout.out,
        stride,
      );
      let to = done * parts * features;
      for (let row = 0; row < number; row++) {
        let from = (layout.out + row * stride) / 4;
        for (let part = 0; part < parts * features; part += run, from += paddedFeatures, to += run) {
          out.set(floats.subarray(from, from + run), to);
        }
      }
    }
  };
}

/** Signs of all degrees, the parts of a number side by side; those of the first degree carry the scale. */
function signsOf(projections: readonly SrhtProjection[], parts: number, scale: number): Float32Array {
  const size = projections[0]!.signs.re.length;
  const all = new Float32Array(projections.length * size * parts);
  projections.forEach(({ signs }, i) => {
    [signs.re, signs.im].forEach((values, part) => {
      const start = i * size * parts + part;
      values?.forEach((value, j) => (all[start + j * parts] = i === 0 ? scale * value : value));
    });
  });
  return all;
}

/** Where the features of all degrees find their numbers in the lines of a degree, in bytes. */
function rowsOf(projections: readonly SrhtProjection[], parts: number, paddedFeatures: number): Uint32Array {
  const all = new Uint32Array(projections.length * paddedFeatures);
  projections.forEach(({ rows }, i) => {
    all.set(
      rows.map((row) => 16 * parts * row),
      i * paddedFeatures,
    );
  });
  return all;
}

/** One after the other, each at the start of a line of the cache. */
function layoutOf(bytes: Record<keyof Omit<Layout, 'end'>, number>): Layout {
  const layout = { ...bytes, end: 0 };
  for (const name of Object.keys(bytes) as (keyof typeof bytes)[]) {
    layout[name] = layout.end;
    layout.end += multipleOf(64, bytes[name]);
  }
  return layout;
}

/** The memory, grown to so many bytes where it is smaller. */
function floatsOf(memory: WebAssembly.Memory, bytes: number): Float32Array {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return new Float32Array(memory.buffer);
}

function multipleOf(unit: number, number: number): number {
  return unit * Math.ceil(number / unit);
}
