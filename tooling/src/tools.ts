import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

interface Tool {
  /** What apt-get installs for it. */
  aptPackage: string;
  find: () => string | undefined;
}

/** Programs that some tests need and npm cannot bring. */
const tools = {
  chromium: {
    aptPackage: 'chromium',
    find: () => {
      const chosen = process.env['CHROME_PATH'];
      return chosen ? executable(chosen) : (executable('/usr/bin/chromium') ?? onPath('chromium'));
    },
  },
  'python-onnx': { aptPackage: 'python3-onnx', find: () => pythonWith('onnx') },
  'python-torch': { aptPackage: 'python3-torch', find: () => pythonWith('torch') },
  redis: { aptPackage: 'redis-server', find: () => onPath('redis-server') },
} satisfies Record<string, Tool>;

/** The name of an outside program that tests may ask for. */
export type ToolName = keyof typeof tools;

/** Every name that `requireTool` knows. */
export const toolNames = Object.keys(tools) as ToolName[];

/**
 * The path of an outside program that a test needs, for `describe.skipIf(requireTool('redis') === undefined)`.
 *
 * @param name  'chromium' (CHROME_PATH, else /usr/bin/chromium, else the PATH), 'python-onnx',
 *              'python-torch' (a python3 that has the module) or 'redis' (redis-server)
 * @returns the path, or undefined when it is missing
 * @throws Error when it is missing and the environment has TFSCI_REQUIRE_TOOLS=1, as in CI, where a skip would hide it
 */
export function requireTool(name: ToolName): string | undefined {
  const tool: Tool | undefined = tools[name];
  if (!tool) throw new RangeError(`tooling.requireTool: name must be one of ${toolNames.join(', ')}, got ${name}.`);
  const found = tool.find();
  if (found === undefined && process.env['TFSCI_REQUIRE_TOOLS'] === '1') {
    throw new Error(
      `tooling.requireTool: ${name} must be installed as TFSCI_REQUIRE_TOOLS is 1, got nothing. ` +
        `Run: apt-get install ${tool.aptPackage}`,
    );
  }
  return found;
}

/** Which of the tools are here, `chromium=/usr/bin/chromium`, to tell machines apart. */
export function toolPaths(): string[] {
  return toolNames.map((name) => `${name}=${tools[name].find() ?? ''}`);
}

/** The path of a program on the PATH. */
export function onPath(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(path.delimiter).filter(Boolean);
  for (const folder of folders) {
    for (const ending of endings) {
      const found = executable(path.join(folder, program + ending));
      if (found) return found;
    }
  }
  return undefined;
}

function executable(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return file;
  } catch {
    return undefined;
  }
}

/** A python3 that has the module. */
function pythonWith(module: string): string | undefined {
  // Debian's packages serve Debian's interpreter, which need not be the first python3 of the PATH.
  return [executable('/usr/bin/python3'), onPath('python3')].find((python) => python && hasModule(python, module));
}

function hasModule(python: string, module: string): boolean {
  // To import torch would take seconds.
  const program = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
  try {
    execFileSync(python, ['-c', program], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}
