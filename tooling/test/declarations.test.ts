import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { declarationFaults } from '../src/battery/declarations';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tfsci-declarations-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('declarationFaults', () => {
  it('finds nothing in sound declarations, whatever files they consist of', () => {
    write('part.d.ts', 'export interface Shape { size: number }\n');
    const file = write('index.d.ts', "import { Shape } from './part';\nexport declare const unit: Shape;\n");
    expect(declarationFaults(file)).toEqual([]);
  });

  it('finds a type that a bundler took for a value, in any of the files', () => {
    write('shapes.d.ts', 'export interface Shape { size: number }\nexport declare const lost: Missing;\n');
    const file = write(
      'index.d.ts',
      "import { Shape } from './shapes';\nexport declare const Shape$1: typeof Shape;\n",
    );
    expect(declarationFaults(file).sort()).toEqual([
      "index.d.ts:2 'Shape' only refers to a type, but is being used as a value here.",
      "shapes.d.ts:2 Cannot find name 'Missing'.",
    ]);
  });
});
