import path from 'node:path';
import { writeFileAtomic } from '@tfsci/tensor-core/node';
import type { Check, Experiment, Figure } from './experiment';
import type { StoredResult } from './stored-result';

/** An experiment with its last finished run. */
export interface Finished {
  experiment: Experiment;
  result: StoredResult;
}

/**
 * Writes `report.html` into the folder: one file that holds everything, plots as SVG.
 *
 * @returns its path
 */
export async function writeReport(out: string, finished: Finished[]): Promise<string> {
  const file = path.resolve(out, 'report.html');
  await writeFileAtomic(file, await reportPage(finished));
  return file;
}

/** The page of `writeReport`. */
export async function reportPage(finished: Finished[]): Promise<string> {
  const sections = await Promise.all(finished.map(section));
  const rows = finished.flatMap(({ experiment, result }) =>
    result.outcome.checks.map((check) => row(experiment, check)),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tfsci: papers reproduced</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Papers reproduced</h1>
<p>${tally(finished)}</p>
<table>
<thead><tr><th>Claim</th><th>Paper</th><th>Expected</th><th>Measured</th><th>Verdict</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
${sections.join('\n')}
</body>
</html>
`;
}

function tally(finished: Finished[]): string {
  const checks = finished.flatMap(({ result }) => result.outcome.checks);
  const papers = new Set(finished.map(({ experiment }) => experiment.paper.arxiv)).size;
  return `${checks.filter(({ holds }) => holds).length} of ${checks.length} claims of ${papers} ${papers === 1 ? 'paper' : 'papers'} hold on this machine.`;
}

function row({ id, paper }: Experiment, check: Check): string {
  const verdict = check.holds ? '<td class="yes">reproduced</td>' : '<td class="no">not reproduced</td>';
  return (
    `<tr><td><a href="#${escape(id)}">${escape(check.claim)}</a></td><td>arXiv:${escape(paper.arxiv)}</td>` +
    `<td>${escape(check.expected)}<small>${escape(check.source)}</small></td><td>${escape(check.measured)}</td>${verdict}</tr>`
  );
}

async function section({ experiment, result }: Finished): Promise<string> {
  const { paper } = experiment;
  const { outcome, settings } = result;
  const figures = await experiment.figures(outcome);
  return `<section id="${escape(experiment.id)}">
<h2>${escape(experiment.title)}</h2>
<p class="paper">${escape(paper.authors)}, “${escape(paper.title)}”, ${paper.year},
<a href="https://arxiv.org/abs/${escape(paper.arxiv)}">arXiv:${escape(paper.arxiv)}</a></p>
<p><strong>Claim.</strong> ${escape(experiment.claim)}</p>
<p><strong>Protocol.</strong> ${escape(experiment.protocol)}</p>
<p><strong>Data.</strong> ${escape(outcome.dataset)}</p>
${figures.map(figure).join('\n')}
<p class="machine">Profile ${escape(settings.profile)}, seed ${settings.seed}, backend ${escape(settings.backend)}, ${result.seconds.toFixed(0)} s,
finished ${escape(result.finished)}; ${escape(result.machine)}</p>
</section>`;
}

function figure({ svg, caption }: Figure): string {
  return `<figure>${svg}<figcaption>${escape(caption)}</figcaption></figure>`;
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.7rem; border-bottom: 1px solid #8884; }
small { display: block; opacity: 0.65; }
.yes { color: #1a7f37; font-weight: 600; white-space: nowrap; }
.no { color: #c62828; font-weight: 600; white-space: nowrap; }
.paper, .machine { opacity: 0.75; }
figure { margin: 1.5rem 0; overflow-x: auto; }
figcaption { font-size: 0.85rem; opacity: 0.75; max-width: 48rem; }
a { color: inherit; }
`;
