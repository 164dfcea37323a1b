import { mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, pathOf, unlessMissing, type FilePath } from '../../io/file-access';
import { wholeFile } from '../../io/file-bytes';
import { writeFileAtomic } from '../../io/files';
import type { CheckpointStore } from '../checkpoint-store';

const SUFFIX = '.safetensors';
/** What writeFileAtomic leaves when its process is killed. */
const TEMPORARY = /^\.tfsci-(\d+)-[\w-]+\.tmp$/;

/**
 * Checkpoints as safetensors files in a directory of their own, `step-000000000120.safetensors` and
 * `best.safetensors`. A file is written aside, flushed and renamed: after a kill or a power cut there is the old one or
 * the new one, whole.
 *
 * @param directory  path or file: URL; made when something is saved
 */
export function directoryStore(directory: FilePath): CheckpointStore {
  const folder = pathOf(directory);
  const fileOf = (name: string): string => join(folder, name + SUFFIX);
  let isReady = false;
  return {
    async save(name, bytes) {
      if (!isReady) {
        await mkdir(folder, { recursive: true });
        await removeLeftovers(folder);
        isReady = true;
      }
      await writeFileAtomic(fileOf(name), bytes);
    },
    load: (name) => wholeFile(fileOf(name)).catch(unlessMissing(null)),
    async list() {
      const files = await readdir(folder).catch(unlessMissing<string[]>([]));
      return files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
    },
    remove: (name) => unlink(fileOf(name)).catch(unlessMissing(undefined)),
  };
}

/** Removes files that processes which are no more were writing; they may be large. */
async function removeLeftovers(folder: string): Promise<void> {
  const started = Date.now() - process.uptime() * 1000;
  for (const file of await readdir(folder)) {
    const writer = Number(TEMPORARY.exec(file)?.[1] ?? NaN);
    // A number comes again, in a container nearly always: then the file is older than this process.
    if (Number.isNaN(writer) || (writer !== process.pid && isAlive(writer))) continue;
    const path = join(folder, file);
    const { mtimeMs } = await stat(path);
    if (mtimeMs < started) await unlink(path);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours, but there.
    return errorCode(error) === 'EPERM';
  }
}
