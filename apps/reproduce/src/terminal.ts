import cliProgress from 'cli-progress';
import colors from 'picocolors';
import type { Progress } from './experiment';
import type { Finished } from './report';

/** A live line on a terminal; elsewhere (a log, CI) a line of text each tenth of the way. */
export function progressLine(
  title: string,
  terminal = process.stderr,
): { show: (progress: Progress) => void; end: () => void } {
  if (!terminal.isTTY) {
    let tenth = 0;
    return {
      show({ fraction, doing }) {
        if (fraction * 10 < tenth) return;
        tenth = Math.floor(fraction * 10) + 1;
        terminal.write(`${title}: ${Math.round(fraction * 100)} % (${doing})\n`);
      },
      end: () => undefined,
    };
  }
  const bar = new cliProgress.SingleBar({
    format: `${colors.bold(title)} {bar} {percentage} % | {duration_formatted}, {eta_formatted} left | {doing}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    etaBuffer: 200,
    hideCursor: true,
    stream: terminal,
  });
  let started = false;
  return {
    show({ fraction, doing }) {
      const done = Math.round(fraction * 1000);
      // From where a resumed run stands: what was done before says nothing of the time that is left.
      if (!started) bar.start(1000, done, { doing });
      started = true;
      bar.update(done, { doing });
    },
    end: () => bar.stop(),
  };
}

/**
 * The table claim / paper / measured / verdict as text.
 *
 * @param width  columns of the terminal, default no limit; longer claims and measurements are wrapped
 */
export function resultTable(finished: Finished[], width = Infinity): string {
  const header = ['claim', 'paper', 'measured', 'verdict'];
  const rows = finished.flatMap(({ experiment, result }) =>
    result.outcome.checks.map(({ claim, measured, holds }) => [
      claim,
      `arXiv:${experiment.paper.arxiv}`,
      measured,
      holds ? 'reproduced' : 'not reproduced',
    ]),
  );
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const [claim, paper, measured, verdict] = widths as [number, number, number, number];
  const room = Math.max(MIN_TEXT, width - paper - verdict - GAP.length * 3);
  if (claim + measured > room) {
    widths[2] = Math.min(measured, Math.max(Math.floor(room / 2), room - claim));
    widths[0] = Math.min(claim, room - widths[2]);
  }
  const line = (cells: string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(GAP)
      .trimEnd();
  const paint = (row: string[]): string => {
    const cells = row.map((cell, i) => wrapped(cell, widths[i]!));
    const height = Math.max(...cells.map((lines) => lines.length));
    const lines = Array.from({ length: height }, (_, i) => line(cells.map((cell) => cell[i] ?? '')));
    return lines.map(row[3] === 'reproduced' ? colors.green : colors.red).join('\n');
  };
  return [colors.bold(line(header)), ...rows.map(paint)].join('\n');
}

const GAP = '  ';
/** Columns that claim and measurement have at least, in however narrow a terminal. */
const MIN_TEXT = 40;

/** Breaks at spaces; a word that is longer than a line stands alone. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
