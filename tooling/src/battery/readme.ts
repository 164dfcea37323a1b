import { execFile } from 'node:child_process';
import { transform } from 'esbuild';

/** A program of a README and what it prints. */
export interface Example {
  /** The line of the program's opening fence, from 1. */
  line: number;
  code: string;
  prints: string;
}

interface Block {
  language: string;
  start: number;
  end: number;
  text: string;
}

/** The ```ts blocks of a Markdown text that a ```text block follows, with at most one line of prose between. */
export function examplesIn(markdown: string): Example[] {
  const lines = markdown.split(/\r?\n/);
  const blocks = fencedBlocks(lines);
  return blocks.flatMap((block, i) => {
    const next = blocks[i + 1];
    if (block.language !== 'ts' || next?.language !== 'text') return [];
    const between = lines.slice(block.end + 1, next.start).filter((line) => line.trim() !== '');
    const isProse = between.length === 0 || (between.length === 1 && !between[0]!.startsWith('#'));
    return isProse ? [{ line: block.start + 1, code: block.text, prints: next.text }] : [];
  });
}

function fencedBlocks(lines: string[]): Block[] {
  const blocks: Block[] = [];
  for (let start = 0; start < lines.length; start++) {
    const opening = /^(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/.exec(lines[start]!);
    if (!opening) continue;
    const [, fence = '', language = ''] = opening;
    let end = start + 1;
    while (end < lines.length && !isClosing(lines[end]!, fence)) end++;
    blocks.push({ language, start, end, text: lines.slice(start + 1, end).join('\n') });
    start = end;
  }
  return blocks;
}

function isClosing(line: string, fence: string): boolean {
  const marks = line.trimEnd();
  return marks.length >= fence.length && marks === fence[0]!.repeat(marks.length);
}

/**
 * Runs an example as an ES module in a Node process of its own.
 *
 * @param dir  the package's folder: the program imports the built package by its name
 * @returns what it printed on its standard output
 * @throws Error with its standard error when it fails, or when it takes longer than two minutes
 */
export async function runExample({ code }: Example, dir: string): Promise<string> {
  const program = await transform(code, { loader: 'ts', format: 'esm', target: 'node20', sourcefile: 'README.md' });
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|NODE_OPTIONS$)/.test(name)),
  );
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      ['--input-type=module', '-'],
      { cwd: dir, env, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error)
          reject(new Error(`the example failed (${error.killed ? 'stopped' : `exit ${error.code}`}):\n${stderr}`));
        else resolve(stdout);
      },
    );
    child.stdin?.end(program.code);
  });
}

/** A text without the spaces at the ends of its lines and the empty lines at its ends, which Markdown cannot show. */
export function trimLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/^\n+|\n+$/g, '');
}
