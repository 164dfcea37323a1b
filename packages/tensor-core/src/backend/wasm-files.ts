/** The binaries of the wasm backend, of which it loads the best that the machine can run. */
const NAMES = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];

/**
 * The binaries of the wasm backend by name.
 *
 * @param paths  a folder (URL or path, with or without a final /) or the URL or path of each; default: where a bundler
 *               has put them
 * @returns undefined by default in Node, whose build finds them itself, and where modules have no URL
 * @throws RangeError when a file is missing in `paths`
 */
export function wasmFilesOf(paths?: string | Record<string, string>): Record<string, string> | undefined {
  if (paths === undefined) return bundledWasmFiles();
  if (typeof paths === 'string') {
    const prefix = paths === '' || paths.endsWith('/') ? paths : `${paths}/`;
    return Object.fromEntries(NAMES.map((name) => [name, prefix + name]));
  }
  const missing = NAMES.filter((name) => typeof paths[name] !== 'string');
  if (missing.length > 0) {
    throw new RangeError(`options.wasmPaths must have the URL of each wasm file, got none of ${missing.join(', ')}`);
  }
  return paths;
}

/**
 * Vite and webpack see each `new URL('package/file', import.meta.url)` below, emit the file as an
 * asset and write its address in; that needs literal arguments, hence no loop.
 */
function bundledWasmFiles(): Record<string, string> | undefined {
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
