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
  bar.start(1000, 0, { doing: 'starting' });
  return {
    show: ({ fraction, doing }) => bar.update(Math.round(fraction * 1000), { doing }),
    end: () => bar.stop(),
  };
}

/** The table claim / paper / measured / verdict as text. */
export function resultTable(finished: Finished[]): string {
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
  const line = (cells: string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  const paint = (row: string[]): string => (row[3] === 'reproduced' ? colors.green : colors.red)(line(row));
  return [colors.bold(line(header)), ...rows.map(paint)].join('\n');
}
