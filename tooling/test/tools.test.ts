import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findPnpm, withPnpmOnPath } from '../src/pnpm';
import { onPath, requireTool, type ToolName } from '../src/tools';
import { repositoryRoot } from '../src/workspace';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tfsci-tools-'));
  vi.stubEnv('TFSCI_REQUIRE_TOOLS', '');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function program(name: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, '#!/bin/sh\nexit 0\n');
  chmodSync(file, 0o755);
  return file;
}

describe.skipIf(process.platform === 'win32')('requireTool', () => {
  it('gives the path of a program on the PATH', () => {
    vi.stubEnv('PATH', folder);
    const redis = program('redis-server');
    expect(requireTool('redis')).toBe(redis);
  });

  it('gives CHROME_PATH before any other Chromium', () => {
    const chosen = program('my-chrome');
    vi.stubEnv('CHROME_PATH', chosen);
    expect(requireTool('chromium')).toBe(chosen);
  });

  it('does not take another Chromium for a CHROME_PATH that is wrong', () => {
    vi.stubEnv('CHROME_PATH', path.join(folder, 'missing'));
    expect(requireTool('chromium')).toBeUndefined();
  });

  it('gives undefined for a missing tool', () => {
    vi.stubEnv('PATH', folder);
    expect(requireTool('redis')).toBeUndefined();
  });

  it.each([
    ['chromium', 'chromium'],
    ['redis', 'redis-server'],
  ] as const)('throws for a missing %s where tools are required', (name, aptPackage) => {
    vi.stubEnv('PATH', folder);
    vi.stubEnv('CHROME_PATH', path.join(folder, 'missing'));
    vi.stubEnv('TFSCI_REQUIRE_TOOLS', '1');
    expect(() => requireTool(name)).toThrow(
      `tooling.requireTool: ${name} must be installed as TFSCI_REQUIRE_TOOLS is 1, got nothing. ` +
        `Run: apt-get install ${aptPackage}`,
    );
  });

  it('refuses a name that it does not know', () => {
    expect(() => requireTool('netscape' as ToolName)).toThrow(
      'tooling.requireTool: name must be one of chromium, python-onnx, python-torch, redis, got netscape.',
    );
  });
});

describe.skipIf(process.platform === 'win32')('onPath', () => {
  it('passes over files that cannot be run', () => {
    writeFileSync(path.join(folder, 'tool'), '', { mode: 0o644 });
    expect(onPath('tool', { PATH: folder })).toBeUndefined();
  });
});

describe.skipIf(process.platform === 'win32')('findPnpm', () => {
  it('takes the pnpm that started the script, and runs one that is a script with Node', () => {
    const binary = program('pnpm');
    const script = program('pnpm.cjs');
    expect(findPnpm(repositoryRoot, { npm_execpath: binary })).toEqual({ file: binary, args: [] });
    expect(findPnpm(repositoryRoot, { npm_execpath: script })).toEqual({ file: process.execPath, args: [script] });
  });

  it('takes the one on the PATH when npm started the script', () => {
    const binary = program('pnpm');
    const env = { npm_execpath: program('npm-cli.js'), PATH: folder };
    expect(findPnpm(repositoryRoot, env)).toEqual({ file: binary, args: [] });
  });

  it("takes npx with the root's version when there is no pnpm", () => {
    const npx = program('npx');
    const { file, args } = findPnpm(repositoryRoot, { PATH: folder });
    expect(file).toBe(npx);
    expect(args[0]).toBe('-y');
    expect(args[1]).toMatch(/^pnpm@\d+\.\d+\.\d+$/);
  });

  it('throws when there is nothing to run', () => {
    expect(() => findPnpm(repositoryRoot, { PATH: folder })).toThrow(/pnpm or npx must be on the PATH/);
  });
});

describe.skipIf(process.platform === 'win32')('withPnpmOnPath', () => {
  it('leaves a PATH that has pnpm alone', () => {
    program('pnpm');
    const { env } = withPnpmOnPath(repositoryRoot, { PATH: folder });
    expect(env['PATH']).toBe(folder);
  });

  it('puts a pnpm on the PATH that calls npx, and removes it', () => {
    program('npx');
    const { env, remove } = withPnpmOnPath(repositoryRoot, { PATH: folder });
    const shim = onPath('pnpm', env);
    expect(shim).toBeDefined();
    remove();
    expect(onPath('pnpm', env)).toBeUndefined();
  });
});
