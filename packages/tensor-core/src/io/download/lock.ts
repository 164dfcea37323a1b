import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';

/** A lock is renewed this often, and one that was not renewed for so long belongs to nobody. */
const renewMs = 2_000;
const staleMs = 60_000;
const pollMs = 100;

/**
 * Runs a body while no other process runs one under the same lock file; waits for them as long as they live.
 *
 * @param where   start of error messages
 * @param lock    path of a file that is there while the body runs; its directory must exist
 * @param signal  stops the waiting
 * @param body    receives nothing
 */
export async function withLock<T>(
  where: string,
  lock: string,
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  const owner = JSON.stringify({ host: hostname(), pid: process.pid, id: randomUUID() });
  while (!(await taken(where, lock, owner))) {
    signal?.throwIfAborted();
    await removeIfStale(lock);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  const renewal = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => undefined);
  }, renewMs);
  renewal.unref();
  try {
    return await body();
  } finally {
    clearInterval(renewal);
    if ((await contentOf(lock)) === owner) await rm(lock, { force: true });
  }
}

async function taken(where: string, lock: string, owner: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(owner).finally(() => file.close());
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${where}: ${lock} could not be written. ${reason}`, { cause });
  }
}

/** Removes the lock of a process that has died or stopped renewing it. */
async function removeIfStale(lock: string): Promise<void> {
  const content = await contentOf(lock);
  const age = await stat(lock).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (content === null || !(age > staleMs || (content !== '' && isOfDeadProcess(content)))) return;
  // Moved away first, so that of two who see it stale only one removes it, and none a newer one.
  const away = `${lock}.${randomUUID()}`;
  await rename(lock, away).catch(() => undefined);
  const moved = await contentOf(away);
  if (moved !== null && moved !== content) await rename(away, lock).catch(() => undefined);
  else await rm(away, { force: true });
}

function isOfDeadProcess(content: string): boolean {
  try {
    const { host, pid } = JSON.parse(content) as { host?: unknown; pid?: unknown };
    if (host !== hostname() || typeof pid !== 'number') return false;
    process.kill(pid, 0);
    return false;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'ESRCH';
  }
}

async function contentOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}
