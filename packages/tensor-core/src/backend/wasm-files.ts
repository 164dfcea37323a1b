/** The binaries of the wasm backend, of which it loads the best that the machine can run. */
const NAMES = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];

/** The binaries of the wasm backend by name, all in one folder. @param folder  URL or path, with or without a final / */
export function wasmFilesIn(folder: string): Record<string, string> {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  return Object.fromEntries(NAMES.map((name) => [name, prefix + name]));
}

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
  const urls = [
    new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm', import.meta.url),
    new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm', import.meta.url),
    new URL('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url),
  ];
  return Object.fromEntries(NAMES.map((name, i) => [name, besideThisPackage(urls[i]!.href)]));
}

/**
 * Without a bundler, and in Vite's development server once it has optimised this package, the name of the package was
 * taken for a folder beside this file. npm and pnpm both install what a package depends on beside the package.
 */
function besideThisPackage(url: string): string {
  return url.replace('/@tfsci/tensor-core/dist/@tensorflow/', '/@tensorflow/');
}
