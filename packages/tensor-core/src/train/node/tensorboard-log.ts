import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FilePath } from '../../io/files';
import type { Log } from '../log';
import { eventRecord } from './event-record';

let files = 0;

/**
 * The records of a run as a file that TensorBoard reads: a scalar a value, tags as the names of the values.
 *
 * Every opening makes a file of its own, which begins with the mark by which TensorBoard drops what earlier files of
 * the directory have beyond the step from which the run goes on.
 *
 * @param directory  path or file: URL, one for each run; it is made
 * @see https://github.com/tensorflow/tensorboard, event_accumulator, for the meaning of the mark (SessionLog.START)
 */
export function tensorboardLog(directory: FilePath): Log {
  const folder = resolve(directory instanceof URL ? fileURLToPath(directory) : directory);
  let handle: FileHandle | null = null;
  return {
    async open(step) {
      await mkdir(folder, { recursive: true });
      const now = Date.now() / 1000;
      const name = `events.out.tfevents.${Math.floor(now)}.${hostname()}.${process.pid}.${files++}`;
      handle = await open(join(folder, name), 'wx');
      await handle.appendFile(eventRecord({ time: now, fileVersion: 'brain.Event:2' }));
      await handle.appendFile(eventRecord({ time: now, step: step + 1, isStart: true }));
    },
    async write({ step, time, values }) {
      await handle?.appendFile(eventRecord({ time, step, scalars: values }));
    },
    async close() {
      await handle?.close();
      handle = null;
    },
  };
}
