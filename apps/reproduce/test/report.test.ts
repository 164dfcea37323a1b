import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import type { Check, Experiment } from '../src/experiment';
import { momoRobustness } from '../src/experiments/momo-robustness/index';
import { robustnessFigure } from '../src/experiments/momo-robustness/figures/robustness';
import { stepSizeFigure, type StepSeries } from '../src/experiments/momo-robustness/figures/step-sizes';
import { reportPage, writeReport, type Finished } from '../src/report';
import { resultTable } from '../src/terminal';
import { failureOf, filesBelow, temporaryFolder } from './folders';
import { point, resultOf } from './points';

const CHECKS: Check[] = [
  { claim: 'first claim', expected: 'more than 1', source: 'table 1', measured: '2.00', holds: true },
  { claim: 'second claim', expected: 'less than 1', source: 'figure 2', measured: '3.00', holds: false },
];
const EXPERIMENT: Experiment = {
  ...(momoRobustness as Experiment),
  id: 'trial',
  figures: () => Promise.resolve([{ caption: 'a caption', svg: '<svg><path d="M0,0"></path></svg>' }]),
};

function finished(checks = CHECKS, changes: Partial<Experiment> = {}): Finished[] {
  return [{ experiment: { ...EXPERIMENT, ...changes }, result: resultOf({ checks }) }];
}

function documentOf(page: string): Document {
  return parseHTML(page).document;
}

const CURVE = [0.01, 0.1, 1, 10].flatMap((rate) => [
  point('SGD-M', rate, rate > 1 ? null : 1 / rate),
  point('MoMo-Adam', rate, 0.01 * rate),
]);
const STEPS: StepSeries[] = [0.1, 10].map((learningRate) => ({
  optimizer: 'MoMo',
  learningRate,
  steps: [1, 2, 3].map((k) => ({
    adaptiveStep: 0.5 * k,
    stepSize: Math.min(0.5 * k, learningRate),
    userStep: learningRate,
  })),
}));

describe('reportPage', () => {
  it('has claim, paper, expectation with source, measurement and verdict of every check', async () => {
    const rows = [...documentOf(await reportPage(finished())).querySelectorAll('tbody tr')];
    const cells = rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent));
    expect(cells).toEqual([
      ['first claim', 'arXiv:2305.07583', 'more than 1table 1', '2.00', 'reproduced'],
      ['second claim', 'arXiv:2305.07583', 'less than 1figure 2', '3.00', 'not reproduced'],
    ]);
    expect(rows.map((row) => row.querySelector('a')!.getAttribute('href'))).toEqual(['#trial', '#trial']);
  });

  it('has a section with paper, protocol, data, figures and the settings of the run', async () => {
    const page = documentOf(await reportPage(finished()));
    const section = page.querySelector('section#trial')!;
    const { paper, claim, protocol } = EXPERIMENT;
    const facts = [paper.title, paper.authors, '2024', claim, protocol, 'digits', 'a caption'];
    const settings = ['Profile quick', 'seed 7', 'backend cpu', '13 s', '2025-01-02T03:04:05.678Z', '2 threads'];
    for (const text of [...facts, ...settings]) expect(section.textContent).toContain(text);
    expect(section.querySelectorAll('figure svg')).toHaveLength(1);
    expect(page.querySelector('h1 + p')!.textContent).toBe('1 of 2 claims of 1 paper hold on this machine.');
  });

  it('counts claims of several papers', async () => {
    const other = { ...EXPERIMENT.paper, arxiv: '1234.56789' };
    const page = await reportPage([...finished(), ...finished(CHECKS, { id: 'other', paper: other })]);
    expect(page).toContain('2 of 4 claims of 2 papers hold');
    expect(documentOf(page).querySelectorAll('section')).toHaveLength(2);
  });

  it('is self-contained: nothing is loaded, and links lead to sections of the page or to arXiv', async () => {
    const data = { trainLoss: CURVE, testAccuracy: CURVE, steps: STEPS, epochs: 1, batchSize: 1 };
    const result = { ...resultOf({ checks: CHECKS, data }), id: momoRobustness.id };
    const page = await reportPage([{ experiment: momoRobustness, result }]);
    const document = documentOf(page);
    expect(document.querySelectorAll('figure svg').length).toBeGreaterThanOrEqual(3);
    expect(document.querySelectorAll('script, link, img, iframe, object, embed, base, use, image')).toHaveLength(0);
    expect(page).not.toMatch(/\ssrc\s*=|@import|url\((?!#)/i);
    const links = [...document.querySelectorAll('[href]')].map((element) => element.getAttribute('href'));
    expect(new Set(links)).toEqual(new Set(['#momo-robustness', 'https://arxiv.org/abs/2305.07583']));
    const addresses = page.match(/https?:\/\/[^"'\s<)]+/g) ?? [];
    expect(new Set(addresses.filter((address) => !address.startsWith('http://www.w3.org/')))).toEqual(
      new Set(['https://arxiv.org/abs/2305.07583']),
    );
  });

  it('escapes hostile text wherever text is shown', async () => {
    const evil = `"><script>alert('1')</script><img src=x onerror="alert(2)">&amp;`;
    const checks = [{ claim: evil, expected: evil, source: evil, measured: evil, holds: true }];
    const [{ experiment, result }] = finished(checks, {
      id: evil,
      title: evil,
      claim: evil,
      protocol: evil,
      paper: { title: evil, authors: evil, year: 2024, arxiv: evil },
      figures: () => Promise.resolve([{ caption: evil, svg: '<svg></svg>' }]),
    }) as [Finished];
    const settings = { ...result.settings, profile: evil, backend: evil };
    const hostile = {
      ...result,
      settings,
      finished: evil,
      machine: evil,
      outcome: { ...result.outcome, dataset: evil },
    };
    const page = await reportPage([{ experiment, result: hostile }]);
    const document = documentOf(page);
    expect(document.querySelectorAll('script, img, [onerror]')).toHaveLength(0);
    expect(page).not.toContain('<script>');
    const cells = [...document.querySelectorAll('tbody td')].map((cell) => cell.textContent);
    expect(cells).toEqual([evil, `arXiv:${evil}`, evil + evil, evil, 'reproduced']);
    expect(document.querySelector('section')!.getAttribute('id')).toBe(evil);
    expect(document.querySelector('figcaption')!.textContent).toBe(evil);
  });
});

describe('writeReport', () => {
  it('writes the page, over an earlier one, and gives its absolute path', async () => {
    const out = await temporaryFolder();
    await writeFile(path.join(out, 'report.html'), 'old');
    const file = await writeReport(path.relative(process.cwd(), out), finished());
    expect(file).toBe(path.join(out, 'report.html'));
    expect(await readFile(file, 'utf8')).toBe(await reportPage(finished()));
    expect(await filesBelow(out)).toEqual(['report.html']);
  });

  it('leaves the earlier report when a figure cannot be drawn or the folder is not there', async () => {
    const out = await temporaryFolder();
    await writeFile(path.join(out, 'report.html'), 'old');
    const broken = finished(CHECKS, {
      figures: () => {
        throw new Error('no figure');
      },
    });
    expect((await failureOf(writeReport(out, broken))).message).toContain('no figure');
    expect(await readFile(path.join(out, 'report.html'), 'utf8')).toBe('old');
    const nowhere = path.join(out, 'nowhere');
    expect((await failureOf(writeReport(nowhere, finished()))).message).toContain(path.join(nowhere, 'report.html'));
  });
});

/** Every number in the attributes of a picture, to find NaN and Infinity among them. */
function expectFinite(svg: string): void {
  expect(svg).toMatch(/^<svg/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
}

describe('robustnessFigure', () => {
  it('draws loss and accuracy, a line for each method and a cross for each rate that diverged', async () => {
    const { svg, caption } = await robustnessFigure(CURVE, CURVE);
    expectFinite(svg);
    const panels = [...documentOf(`<body>${svg}</body>`).querySelectorAll('svg svg')];
    expect(panels.map((panel) => /train loss|test accuracy/.exec(panel.textContent)?.[0])).toEqual([
      'train loss',
      'train loss',
      'test accuracy',
      'test accuracy',
    ]);
    panels.forEach((panel, i) => {
      expect(panel.querySelectorAll('[aria-label="line"] path')).toHaveLength(1);
      expect(panel.textContent).toContain(['SGD-M', 'MoMo-Adam'][i % 2]);
      expect(panel.textContent.match(/✕/g) ?? []).toHaveLength([1, 0][i % 2]!);
    });
    expect(caption).toContain('mean over the seeds');
  });

  it.each([
    ['no points', []],
    ['a single point', [point('MoMo', 1, 0.5)]],
    ['a single point that diverged', [point('MoMo', 1, null)]],
    ['points that all diverged', CURVE.map((row) => point(row.optimizer, row.learningRate, null))],
    ['losses of exactly 0', CURVE.map((row) => point(row.optimizer, row.learningRate, 0))],
    ['losses beyond the ceiling', CURVE.map((row) => point(row.optimizer, row.learningRate, 1e6))],
    ['losses of rounding', CURVE.map((row) => point(row.optimizer, row.learningRate, 1e-40))],
    ['a method without colour', [point('New', 1, 0.5), point('New', 10, 0.5)]],
  ])('draws %s', async (_, points) => {
    const { svg } = await robustnessFigure(points, points);
    expectFinite(svg);
    const losses = points.filter(({ mean }) => mean !== null).length;
    const circles = documentOf(`<body>${svg}</body>`).querySelectorAll('[aria-label="dot"] circle').length;
    // In the panels of the loss, and of the accuracy.
    expect(circles).toBe(2 * losses);
  });

  it('escapes names of methods', async () => {
    const { svg } = await robustnessFigure([point('<script>x</script>', 1, 0.5)], []);
    expect(svg).not.toContain('<script>');
    expect(svg).toContain('&lt;script&gt;');
  });
});

describe('stepSizeFigure', () => {
  it('draws a row for each optimiser with a panel for each rate', async () => {
    const { svg } = await stepSizeFigure([...STEPS, { ...STEPS[0]!, optimizer: 'MoMo-Adam' }]);
    expectFinite(svg);
    const panels = [...documentOf(`<body>${svg}</body>`).querySelectorAll('svg svg')];
    const place = (panel: Element): string => `${panel.getAttribute('x')}, ${panel.getAttribute('y')}`;
    expect(panels.map(place)).toEqual(['0, 0', '260, 0', '0, 230']);
    expect(panels.map((panel) => /lr [\d.]+/.exec(panel.textContent)![0])).toEqual(['lr 0.1', 'lr 10', 'lr 0.1']);
    expect(panels.map((panel) => /[-\w]+: step size/.exec(panel.textContent)![0])).toEqual([
      'MoMo: step size',
      'MoMo: step size',
      'MoMo-Adam: step size',
    ]);
  });

  it.each<[string, StepSeries['steps']]>([
    ['no steps', []],
    ['a single step', [{ adaptiveStep: 1, stepSize: 1, userStep: 1 }]],
    ['steps of 0, which a log scale cannot show', [{ adaptiveStep: 0, stepSize: 0, userStep: 1 }]],
  ])('draws %s', async (_, steps) => {
    expectFinite((await stepSizeFigure([{ optimizer: 'MoMo', learningRate: 1, steps }])).svg);
  });

  it('draws nothing for no series, and no more than 240 points of a long one', async () => {
    expect((await stepSizeFigure([])).svg).toBe('');
    const steps = Array.from({ length: 10_000 }, () => ({ adaptiveStep: 1, stepSize: 1, userStep: 1 }));
    const { svg } = await stepSizeFigure([{ optimizer: 'MoMo', learningRate: 1, steps }]);
    const circles = documentOf(`<body>${svg}</body>`).querySelectorAll('circle').length;
    expect(circles).toBeGreaterThan(2 * 200);
    expect(circles).toBeLessThanOrEqual(2 * 240);
  });
});

describe('resultTable', () => {
  const lines = (checks: Check[], width?: number): string[] =>
    stripVTControlCharacters(resultTable(finished(checks), width)).split('\n');

  it('has a line for each check, in columns', () => {
    expect(lines(CHECKS)).toEqual([
      'claim         paper             measured  verdict',
      'first claim   arXiv:2305.07583  2.00      reproduced',
      'second claim  arXiv:2305.07583  3.00      not reproduced',
    ]);
  });

  it('is a header alone for no checks', () => {
    expect(lines([])).toEqual(
      ['claim  paper             measured  verdict'].map((line) => line.replace(/ {10,}/, '  ')),
    );
  });

  const long = { ...CHECKS[1]!, claim: 'a claim of many words '.repeat(5).trim(), measured: 'much '.repeat(20).trim() };
  it.each([90, 100, 120, 200])('fits into %i columns and keeps every word', (width) => {
    const rows = lines([CHECKS[0]!, long], width);
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(width);
    const words = rows.join(' ').split(/\s+/);
    for (const word of ['words', 'much']) {
      const count = (list: string[]): number => list.filter((other) => other === word).length;
      expect(count(words)).toBe(count(`${long.claim} ${long.measured}`.split(' ')));
    }
    expect(words.filter((word) => word === 'arXiv:2305.07583')).toHaveLength(2);
  });

  it('stays legible where there is hardly any room', () => {
    expect(lines([long], 10).length).toBeLessThan(12);
  });
});
