import { fileURLToPath } from 'node:url';

/** The folder of a package that the tests build. */
export function fixturePackage(name: string): string {
  return fixture(`battery/packages/${name}`);
}

/** A path under fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}
