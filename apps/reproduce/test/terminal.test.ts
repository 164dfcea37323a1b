import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { progressLine } from '../src/terminal';

/** A stream that keeps what is written. */
function screen(isTTY: boolean): { stream: typeof process.stderr; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120 });
  let text = '';
  stream.on('data', (chunk) => (text += String(chunk)));
  return { stream: stream as unknown as typeof process.stderr, text: () => text };
}

describe('progressLine in a log', () => {
  it('writes a line for each tenth of the way, and for the end', () => {
    const { stream, text } = screen(false);
    const { show, end } = progressLine('trial', stream);
    for (let i = 0; i <= 100; i++) show({ fraction: i / 100, doing: `part ${i}` });
    end();
    const lines = text().trimEnd().split('\n');
    expect(lines).toEqual(Array.from({ length: 11 }, (_, i) => `trial: ${10 * i} % (part ${10 * i})`));
  });

  it('begins where a resumed run stands', () => {
    const { stream, text } = screen(false);
    const { show } = progressLine('trial', stream);
    [0.55, 0.56, 0.62].forEach((fraction) => show({ fraction, doing: 'work' }));
    expect(text()).toBe('trial: 55 % (work)\ntrial: 62 % (work)\n');
  });
});

describe('progressLine on a terminal', () => {
  const hideCursor = '\u001b[?25l';
  const showCursor = '\u001b[?25h';

  it('draws a bar, with time left that leaves out what was done before, and gives the cursor back', async () => {
    const { stream, text } = screen(true);
    const { show, end } = progressLine('trial', stream);
    show({ fraction: 0.5, doing: 'part 5' });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    show({ fraction: 0.6, doing: 'part 6' });
    end();
    expect(text()).toContain(hideCursor);
    expect(text().lastIndexOf(showCursor)).toBeGreaterThan(text().lastIndexOf(hideCursor));
    const drawn = stripVTControlCharacters(text());
    expect(drawn).toMatch(/^trial █{12}░{12} 50 %/);
    expect(drawn).toContain('part 6');
    // A tenth took 1.1 s or a little more, so four more take at least 4.4 s; a bar from 0 would say 0.7 s.
    expect(Number(/60 % \| \d+s, (\d+)s left/.exec(drawn)![1])).toBeGreaterThanOrEqual(4);
  });

  it('draws nothing where nothing was to be done', () => {
    const { stream, text } = screen(true);
    progressLine('trial', stream).end();
    expect(text()).toBe('');
  });
});
