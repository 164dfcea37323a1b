import { DRAWS_WASM } from './draws-wasm';

/** What wasm/draws.ts exports; arguments are numbers, WORDS and DRAWS addresses in bytes. */
interface DrawsModule {
  memory: WebAssembly.Memory;
  WORDS: { value: number };
  DRAWS: { value: number };
  threefryBlocks: DrawKernel['threefryBlocks'];
  normals32: Normals;
  normals64: Normals;
  uniforms32: Uniforms;
  uniforms64: Uniforms;
}

type Normals = (at: number, count: number, mean: number, std: number) => void;
type Uniforms = (at: number, count: number, low: number, scale: number, least: number, greatest: number) => void;

/** Elements of a chunk: their number, the index in `words` of the first one's first word, and where they belong. */
export interface Draws {
  at: number;
  count: number;
  out: Float32Array | Float64Array;
  start: number;
}

/** Random words, normal and uniform draws of a chunk in WebAssembly, bit for bit those that JavaScript makes. */
export interface DrawKernel {
  /** Of a chunk: what `threefryBlocks` writes and draws read, a word an element in float32 and two in float64. */
  readonly words: Uint32Array;
  /** The blocks of the counters (counter0 + b mod 2^32, 0), b = 0 .. blocks - 1, into `words`; spoils up to six words more. */
  threefryBlocks(key0: number, key1: number, counter0: number, blocks: number): void;
  /** mean + std z. */
  normals(draws: Draws, mean: number, std: number): void;
  /** low + scale n, moved into [least, greatest]: n of 24 bits, or of 53 in units of 2^-53 in float64. */
  uniforms(draws: Draws, low: number, scale: number, least: number, greatest: number): void;
}

/** The most elements of a chunk, as in wasm/draws.ts. */
export const KERNEL_CHUNK = 1024;

let loaded: DrawKernel | null | undefined;

/** The kernel, made when it is first asked for; null where WebAssembly with SIMD cannot be had. */
export function drawKernel(): DrawKernel | null {
  if (loaded === undefined) loaded = loadKernel();
  return loaded;
}

function loadKernel(): DrawKernel | null {
  try {
    const bytes = Uint8Array.from(atob(DRAWS_WASM), (char) => char.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    return kernelOf(exports as unknown as DrawsModule);
  } catch {
    // No WebAssembly, none with SIMD, or a page whose security policy forbids it: JavaScript draws.
    return null;
  }
}

function kernelOf(module: DrawsModule): DrawKernel {
  const { buffer } = module.memory;
  const draws32 = new Float32Array(buffer, module.DRAWS.value, KERNEL_CHUNK);
  const draws64 = new Float64Array(buffer, module.DRAWS.value, KERNEL_CHUNK);
  const hand = ({ count, out, start }: Draws): void => {
    const draws = out instanceof Float32Array ? draws32 : draws64;
    out.set(count === KERNEL_CHUNK ? draws : draws.subarray(0, count), start);
  };
  return {
    words: new Uint32Array(buffer, module.WORDS.value, 2 * KERNEL_CHUNK + 2),
    threefryBlocks: module.threefryBlocks,
    normals: (draws, mean, std) => {
      const write = draws.out instanceof Float32Array ? module.normals32 : module.normals64;
      write(draws.at, draws.count, mean, std);
      hand(draws);
    },
    uniforms: (draws, low, scale, least, greatest) => {
      const write = draws.out instanceof Float32Array ? module.uniforms32 : module.uniforms64;
      write(draws.at, draws.count, low, scale, least, greatest);
      hand(draws);
    },
  };
}
