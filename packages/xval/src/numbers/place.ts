/** Where an index stands in a text, for people: 'at 17 (line 2, column 5)'; lines and columns count from 1. */
export function placeOf(text: string, index: number): string {
  const before = text.slice(0, index);
  const line = before.split('\n').length;
  const column = index - before.lastIndexOf('\n');
  return `at ${index} (line ${line}, column ${column})`;
}
