/* `%%fastgen` with the real kernel, server and model. */
import { expect } from '@playwright/test';

import { AnswerPage } from './answer';
import { test } from './pages';
import { ReviewPage } from './review';

/** Milliseconds that a model may take to load and answer on a busy machine. */
const ANSWERED_MS = 120_000;

const LOAD = `get_ipython().run_line_magic('load_ext', 'jupyter_fastgen')`;

test('an answer of the model is accepted and run, and another one is stopped', async ({
  lab: { editor }
}) => {
  const { page } = editor;
  const answer = new AnswerPage(editor);
  const prompt = 'print the sum of the list [12, 25, 31]';
  await editor.write(`%%fastgen --max-tokens 60\n${prompt}|`);
  await answer.run(LOAD);
  await editor.run();
  await expect(answer.node).toHaveAccessibleName(`Answer to: ${prompt}`);
  await expect(answer.status).toHaveText(
    /^Done · \d+ tokens?, [\d.]+ a second/,
    {
      timeout: ANSWERED_MS
    }
  );
  const lines = await answer.lines.allTextContents();
  await answer.button('run').click();
  const below = page.locator('.jp-CodeCell').last();
  await expect(below.locator('.jp-InputPrompt')).toHaveText(/\[\d+\]:/);
  const [, code] = await editor.sources();
  expect(code).toBe(lines.join('\n').trimEnd());
  expect(code).toContain('sum');

  await editor.write(
    '%%fastgen\na class for every piece of chess, with all rules|'
  );
  await editor.run();
  await expect(answer.status).toHaveText('Writing', { timeout: ANSWERED_MS });
  await answer.button('stop').click();
  await expect(answer.status).toHaveText(/^Stopped/);
  expect((await answer.lines.allTextContents()).join('')).not.toBe('');
  await answer.button('insert').click();
  expect(await editor.sources()).toHaveLength(2);
});

test('an answer is stopped while the kernel computes', async ({
  lab: { editor }
}) => {
  const answer = new AnswerPage(editor);
  await editor.write(
    'import time; time.sleep(100)',
    '%%fastgen\na class for every piece of chess, with all rules|'
  );
  await answer.run(LOAD);
  await editor.run();
  await editor.command('notebook:enter-command-mode');
  await editor.command('notebook:move-cursor-up');
  // The command would come back when the cell has run.
  await editor.press('Control+Enter');
  const prompt = editor.page.locator('.jp-CodeCell .jp-InputPrompt').first();
  await expect(prompt).toHaveText('[*]:');
  await expect(answer.status).toHaveText('Writing', { timeout: ANSWERED_MS });
  await answer.button('stop').click();
  await expect(answer.status).toHaveText(/^Stopped/);
  await expect(prompt).toHaveText('[*]:');
  await editor.command('notebook:interrupt-kernel');
  await expect(prompt).toHaveText(/^\[\d+\]:/);
});

test('a cell is edited by the model, and its changes wait there', async ({
  lab: { editor }
}) => {
  const answer = new AnswerPage(editor);
  const review = new ReviewPage(editor);
  const mean = 'def mean(numbers):\n    return sum(numbers) / len(numbers)';
  const wish = 'return 0 if numbers is empty';
  await editor.write(mean, `%%fastgen --edit mean\n${wish}|`);
  await answer.run(LOAD);
  await editor.command('notebook:enter-command-mode');
  await editor.command('notebook:move-cursor-up');
  await editor.command('notebook:run-cell-and-select-next');
  await editor.command('notebook:run-cell');
  await expect(answer.button('edit')).toBeVisible();
  await expect(review.hunks.first()).toBeVisible({ timeout: ANSWERED_MS });
  expect((await editor.sources())[0]).toBe(mean);
  await review.button('close').click();
});
