/**
 * Imports an optional peer dependency at the moment that it is needed.
 *
 * @param where  who needs it, as `package.function`
 * @param name   the packages, as npm names them
 * @param load   imports them, such as `() => import('sharp')`
 * @returns what `load` gives
 * @throws Error with the install command when they cannot be imported; its cause is the import's own error
 */
export async function importOptional<T>(where: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new Error(`${where}: ${name} must be installed, and cannot be imported. npm i ${name}`, { cause });
  }
}
