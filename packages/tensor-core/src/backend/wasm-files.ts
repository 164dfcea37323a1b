/** The binaries of the wasm backend by name, as `setWasmPaths` takes them. */
export type WasmFiles = Record<(typeof NAMES)[number], string>;

const NAMES = [
  'tfjs-backend-wasm.wasm',
  'tfjs-backend-wasm-simd.wasm',
  'tfjs-backend-wasm-threaded-simd.wasm',
] as const;

/**
 * Where a bundler has put the wasm binaries, or undefined in Node (whose build finds them itself)
 * and where modules have no URL.
 *
 * Vite and webpack see each `new URL('package/file', import.meta.url)` below, emit the file as an
 * asset and write its address in; that needs literal arguments, hence no loop.
 */
export function bundledWasmFiles(): WasmFiles | undefined {
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  if (inNode || !import.meta.url) return undefined;
  return {
    'tfjs-backend-wasm.wasm': new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm', import.meta.url)
      .href,
    'tfjs-backend-wasm-simd.wasm': new URL(
      '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
      import.meta.url,
    ).href,
    'tfjs-backend-wasm-threaded-simd.wasm': new URL(
      '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm',
      import.meta.url,
    ).href,
  };
}
