import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import { isBuiltin } from 'node:module';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { build, type Plugin } from 'vite';

/** WebGPU and WebGL2 on a machine without a GPU, and a browser that asks nothing of the network by itself. */
const FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-webgpu-adapter=swiftshader',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts Chromium with WebGPU and WebGL. @param executablePath  from `requireTool('chromium')` */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A running server; `close` ends it. */
export interface Site {
  url: string;
  close: () => Promise<void>;
}

/** What a production build consists of. */
export interface Bundle {
  /** Emitted files by name. */
  files: string[];
  /** The code of the chunks. */
  code: string[];
  /** Modules that import a built-in module of Node. */
  importersOfBuiltins: string[];
}

/** Builds the page in the folder `root` with Vite as for production, with the built packages that it imports. */
export async function buildPage(root: string, outDir: string): Promise<Bundle> {
  const importers: string[] = [];
  const recorder: Plugin = {
    name: 'record-builtins',
    enforce: 'pre',
    resolveId(source, importer = '') {
      if (isBuiltin(source)) importers.push(importer);
    },
  };
  const options = { outDir, emptyOutDir: true, chunkSizeWarningLimit: 2000 };
  const result = await build({ configFile: false, root, logLevel: 'warn', plugins: [recorder], build: options });
  const { output } = result as Extract<typeof result, { output: unknown }>;
  return {
    files: output.map(({ fileName }) => fileName),
    code: output.flatMap((file) => (file.type === 'chunk' ? [file.code] : [])),
    importersOfBuiltins: importers,
  };
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** Serves folders by their path prefix, on 127.0.0.1. */
export async function serve(folders: Record<string, string>): Promise<Site> {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const prefix = Object.keys(folders).find((start) => pathname.startsWith(start)) ?? '/';
    const name = pathname.slice(prefix.length) || 'index.html';
    const file = path.join(folders[prefix]!, path.normalize(`/${name}`));
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' });
    response.end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
