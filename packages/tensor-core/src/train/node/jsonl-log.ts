import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathOf, unlessMissing, type FilePath } from '../../io/file-access';
import { writeFileAtomic } from '../../io/files';
import type { Log } from '../log';

/**
 * The records of a run as JSON, one a line: `{"step":10,"epoch":0.5,"values":{"loss":0.7},"time":1750000000.1}`.
 * What is not finite is null. A run that goes on from a step first takes out the lines beyond it, and a last line that a
 * kill has cut; a new run begins an empty file.
 *
 * @param path  path or file: URL; its directory is made
 */
export function jsonlLog(path: FilePath): Log {
  const file = pathOf(path);
  let handle: FileHandle | null = null;
  return {
    async open(step) {
      await mkdir(dirname(file), { recursive: true });
      const before = await readFile(file, 'utf8').catch(unlessMissing(''));
      const kept = linesUntil(before, step);
      if (kept !== before) await writeFileAtomic(file, kept);
      handle = await open(file, 'a');
    },
    async write(record) {
      await handle?.appendFile(`${JSON.stringify(record)}\n`);
    },
    async close() {
      await handle?.close();
      handle = null;
    },
  };
}

/** The whole lines with records up to a step. */
function linesUntil(text: string, step: number): string {
  const lines = text.split('\n').slice(0, -1);
  const kept = lines.filter((line) => {
    const found = stepOf(line);
    return found !== null && found <= step;
  });
  return kept.map((line) => `${line}\n`).join('');
}

function stepOf(line: string): number | null {
  try {
    const { step } = JSON.parse(line) as { step?: unknown };
    return typeof step === 'number' ? step : null;
  } catch {
    return null;
  }
}
