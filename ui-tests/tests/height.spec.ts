/* A cell does not jump while a suggestion is written into it. */
import { expect } from '@playwright/test';

import type { Editor } from './editor';
import { test } from './pages';

/** What a page keeps for `changes`. */
interface RecordingWindow {
  heights: number[];
}

/** Note the height of the active cell at every frame, once it has ghost text. */
async function record({ page }: Editor): Promise<void> {
  await page.evaluate(() => {
    const cell = document.querySelector('.jp-Notebook .jp-Cell.jp-mod-active')!;
    const heights = [cell.getBoundingClientRect().height];
    (window as unknown as RecordingWindow).heights = heights;
    const note = () => {
      if (cell.isConnected) {
        heights.push(cell.getBoundingClientRect().height);
        requestAnimationFrame(note);
      }
    };
    note();
  });
}

/** By how many pixels the height changed, each time that it did. */
async function changes({ page }: Editor): Promise<number[]> {
  const heights = await page.evaluate(
    () => (window as unknown as RecordingWindow).heights
  );
  return heights
    .map((height, index) => height - (heights[index - 1] ?? height))
    .filter(change => change !== 0);
}

/** The height of a line of code. */
async function lineHeight({ page }: Editor): Promise<number> {
  const line = page.locator('.jp-mod-active .cm-line').first();
  return (await line.boundingBox())!.height;
}

test('for a block there is room from its first word on', async ({
  scripted: { editor, server }
}) => {
  await editor.write('def f(x):|');
  const line = await lineHeight(editor);
  await editor.press('Enter');
  const job = await server.jobAt(14);
  await record(editor);
  let shown = '';
  for (const text of ['if', ' x:', '\n        y = 1', '\n        return y']) {
    job.chunk(text, true);
    shown += text;
    await editor.expectGhost(shown);
  }
  job.chunk('\n    return 2', true);
  job.done();
  await editor.absence();
  const grown = await changes(editor);
  expect(grown).toHaveLength(1);
  expect(Math.round(grown[0] / line)).toBe(3);
});

test('a line that turns out to open a block makes room once', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('f');
  const job = await server.jobAt(1);
  job.chunk('or x in y:');
  await editor.expectGhost('or x in y:');
  await record(editor);
  job.chunk('\n    z = 1', true);
  await editor.expectGhost('or x in y:\n    z = 1');
  job.chunk('\n    print(z)', true);
  await editor.expectGhost('or x in y:\n    z = 1\n    print(z)');
  job.done();
  await editor.absence();
  const grown = await changes(editor);
  expect(grown).toHaveLength(1);
  expect(grown[0]).toBeGreaterThan(0);
});

test('a block of the real model makes the cell grow once', async ({
  lab: { editor, wire }
}) => {
  await editor.write('def total_minutes(rides):|');
  await editor.press('Enter');
  await record(editor);
  await editor.anyGhost();
  await wire.settled();
  await editor.settledGhost();
  const chunks = wire.answered('chunk').map(({ text }) => text ?? '');
  expect(chunks.join('')).toContain('\n');
  expect(chunks.length).toBeGreaterThan(3);
  const grown = await changes(editor);
  expect(grown).toHaveLength(1);
  expect(grown[0]).toBeGreaterThan(0);
});
