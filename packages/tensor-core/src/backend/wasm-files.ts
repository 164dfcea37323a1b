/**
 * The binaries of the wasm backend by name, where a bundler has put them; undefined in Node (whose build finds them itself)
 * and where modules have no URL.
 *
 * Vite and webpack see each `new URL('package/file', import.meta.url)` below, emit the file as an
 * asset and write its address in; that needs literal arguments, hence no loop.
 */
export function bundledWasmFiles(): Record<string, string> | undefined {
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
