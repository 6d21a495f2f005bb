/* The real model edits; what it writes does not matter here, what becomes of it does. */
import { expect } from '@playwright/test';

import type { Editor } from './editor';
import { savedCells } from './jupyter';
import { test } from './pages';
import { ReviewPage } from './review';
import { engineProcesses } from './server';

const CELL = `def mean(numbers):
    return sum(numbers) / len(numbers)

def spread(numbers):
    return max(numbers) - min(numbers)`;

const WISH = 'return 0 if numbers is empty, in both functions';

/** Milliseconds in which a bigger model is loaded, and writes a cell. */
const PATIENCE_MS = 120_000;

/** Ask for an edit of a fresh cell and wait for its changes. */
async function edited(editor: Editor): Promise<ReviewPage> {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask(WISH);
  await expect(review.status).toHaveText(/Loading|Reading|Writing/);
  await expect(review.prompt).toHaveCount(0, { timeout: PATIENCE_MS });
  await expect(review.hunks.first()).toBeVisible();
  await editor.expectSource(CELL);
  return review;
}

test('an edit of the real model is accepted, saved and undone', async ({
  lab: { editor }
}) => {
  const review = await edited(editor);
  const saved = () => savedCells(editor.page.request, 'lab.ipynb');
  await editor.command('docmanager:save');
  expect(await saved()).toEqual([CELL]);
  const added = await review.added();
  // Also those that need a look.
  for (let left = await review.hunks.count(); left > 0; left--) {
    await review.button('accept', review.hunks.first()).click();
    await expect(review.hunks).toHaveCount(left - 1);
  }
  const source = await editor.source();
  expect(source).not.toBe(CELL);
  for (const line of added) {
    expect(source.split('\n')).toContain(line);
  }
  await editor.command('docmanager:save');
  expect(await saved()).toEqual([source]);
  await editor.press('ControlOrMeta+z');
  await expect(review.hunks).toHaveCount(1);
});

test('an edit of the real model is rejected', async ({ lab: { editor } }) => {
  const review = await edited(editor);
  await editor.press('Alt+Shift+N');
  await expect(review.hunks).toHaveCount(0);
  await editor.expectSource(CELL);
});

test('an edit of the real model is cancelled, and the next one is answered', async ({
  lab: { editor, wire }
}) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask(WISH);
  await expect(review.status).toHaveText(/Writing/, { timeout: PATIENCE_MS });
  await review.button('cancel', review.prompt).click();
  await expect
    .poll(() => wire.answered('done').pop()?.reason)
    .toBe('cancelled');
  await editor.expectSource(CELL);
  await edited(editor);
});

test('changes of the real model follow what is typed meanwhile', async ({
  lab: { editor }
}) => {
  await editor.write(`|${CELL}`);
  const review = new ReviewPage(editor);
  await review.ask(WISH);
  await expect(review.status).toHaveText(/Loading|Reading|Writing/);
  await editor.type('# Numbers');
  await editor.press('Enter');
  await expect(review.prompt).toHaveCount(0, { timeout: PATIENCE_MS });
  const removed = await review.removed();
  for (const line of removed) {
    expect(CELL.split('\n')).toContain(line);
  }
  await editor.press('Alt+Shift+N');
  await editor.expectSource(`# Numbers\n${CELL}`);
});

test('Notebook 7 has edits, too', async ({ notebook: { editor } }) => {
  const review = await edited(editor);
  await expect(review.bar).toContainText(/1 of \d|1 change/);
  await editor.press('Alt+Shift+N');
  await editor.expectSource(CELL);
});

test('an engine killed in the middle of an edit costs nothing but the edit, and heals', async ({
  lab: { editor, wire }
}) => {
  await edited(editor);
  await editor.press('Alt+Shift+N');
  // The one for edits was started after the one for ghost text.
  const engine = Math.max(...engineProcesses());
  const review = new ReviewPage(editor);
  await review.ask(WISH);
  await expect(review.status).toHaveText(/Writing/, { timeout: PATIENCE_MS });
  process.kill(engine, 'SIGKILL');
  await expect.poll(() => wire.answered('done').pop()?.reason).toBe('failed');
  await expect(review.status).toHaveText(
    /^The engine process died .*it restarts by itself/
  );
  await expect(review.hunks).toHaveCount(0);
  await editor.expectSource(CELL);
  expect(engineProcesses()).not.toContain(engine);

  // What was asked for is still in the box.
  await review.prompt.locator('input').press('Enter');
  await expect(review.prompt).toHaveCount(0, { timeout: PATIENCE_MS });
  await review.button('accept', review.hunks.first()).click();
  await expect.poll(() => editor.source()).not.toBe(CELL);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(CELL);
});
