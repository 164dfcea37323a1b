import colors from 'picocolors';
import type { Row } from './row';
import { tableOf, type TableSettings } from './table';

/** Where a table is printed; process.stdout and process.stderr are such. */
export type Stream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

/** Prints a table as its rows come. */
export class LiveTable {
  private readonly widths: number[];

  /** @param names  what may stand in the first column, for its width */
  constructor(
    private readonly settings: TableSettings,
    names: readonly string[],
    private readonly stream: Stream,
  ) {
    const { titles } = tableOf(settings);
    // Numbers have up to eight characters; of the last column nothing stands to the right.
    this.widths = titles.map((title, i) => Math.max(title.length, i === 0 ? longest(names) : 8));
    this.print(titles, colors.bold);
  }

  add(row: Row): void {
    this.print(tableOf(this.settings).cells(row), row.status === 'failed' ? colors.red : String);
  }

  private print(cells: readonly string[], paint: (text: string) => string): void {
    const last = cells.length - 1;
    const padded = cells.map((cell, i) => {
      if (i === last) return cell;
      return i === 0 ? cell.padEnd(this.widths[i]!) : cell.padStart(this.widths[i]!);
    });
    this.stream.write(`${paint(padded.join('  '))}\n`);
  }
}

/** What is being done: a line that the next one replaces, or lines where there is no terminal. */
export class StatusLine {
  private shown = '';

  constructor(private readonly stream: Stream) {}

  show(text: string): void {
    if (text === this.shown) return;
    this.shown = text;
    if (!this.stream.isTTY) this.stream.write(`${text}\n`);
    else this.stream.write(`\r\u001b[K${text.slice(0, (this.stream.columns ?? 80) - 1)}`);
  }

  /** Makes room for other output. */
  clear(): void {
    if (this.stream.isTTY && this.shown !== '') this.stream.write('\r\u001b[K');
    this.shown = '';
  }
}

function longest(texts: readonly string[]): number {
  return Math.max(...texts.map(({ length }) => length));
}
