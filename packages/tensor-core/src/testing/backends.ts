/**
 * The backends that numerical suites run on, for `describe.each(backendsUnderTest())`.
 *
 * @returns the comma-separated names in the environment's TFSCI_BACKENDS, by default cpu and wasm
 */
export function backendsUnderTest(): string[] {
  const chosen = process.env['TFSCI_BACKENDS']?.split(',').map((name) => name.trim());
  const names = chosen?.filter((name) => name !== '') ?? [];
  return names.length > 0 ? names : ['cpu', 'wasm'];
}
