import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Site } from '@tfsci/tooling/browser';
import { createServer } from 'vite';

interface Manifest {
  dependencies: Record<string, string>;
}

/** The folder of the page. */
export const pageFolder = fileURLToPath(new URL('.', import.meta.url));
const packageRoot = path.join(pageFolder, '../..');

/** The folder of the wasm binaries in the wasm backend's package. */
export const wasmFolder = realpathSync(path.join(packageRoot, 'node_modules/@tensorflow/tfjs-backend-wasm/dist'));

/** Vite's development server over a project that has the built package as npm installs it: in node_modules. */
export async function developPage(root: string): Promise<Site> {
  const modules = path.join(root, 'node_modules');
  const manifest = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as Manifest;
  for (const name of ['@tensorflow/tfjs', ...Object.keys(manifest.dependencies)]) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(realpathSync(path.join(packageRoot, 'node_modules', name)), path.join(modules, name));
  }
  for (const name of ['dist', 'package.json']) {
    cpSync(path.join(packageRoot, name), path.join(modules, '@tfsci/tensor-core', name), { recursive: true });
  }
  for (const name of ['index.html', 'page.js', 'exercise.js'])
    cpSync(path.join(pageFolder, name), path.join(root, name));
  const server = await createServer({
    configFile: false,
    root,
    logLevel: 'warn',
    server: { host: '127.0.0.1', port: 0, fs: { strict: false }, hmr: false, watch: null },
  });
  await server.listen();
  const { port } = server.httpServer!.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
