/* Edits of several cells, of files, and what happens around them. */
import { expect } from '@playwright/test';

import { Editor } from './editor';
import { openInLab, saveFile, saveNotebook } from './jupyter';
import { test } from './pages';
import { ReviewPage } from './review';
import { ScriptedServer } from './script';

test('the bar goes through the changes of all cells', async ({
  scripted: { editor, server }
}) => {
  const filler = Array.from({ length: 12 }, (_, n) => `filler = ${n}\n\n\n\n`);
  await editor.write('one = 1', ...filler, 'two = 2|');
  const review = new ReviewPage(editor);
  await editor.command('jupyter_fastgen:edit');
  await review.prompt.locator('select').selectOption('Whole notebook');
  await review.prompt.locator('input').fill('bigger numbers');
  await review.prompt.locator('input').press('Enter');
  const job = await server.edit();
  const cells = job.message.cells!;
  expect(cells).toHaveLength(14);
  job.answer(
    { cell: cells[0], start: 0, end: 1, new: ['one = 10'] },
    { cell: cells[13], start: 0, end: 1, new: ['two = 20'] }
  );
  await expect(review.bar).toContainText('1 of 2');
  await review.button('next').click();
  await expect(review.bar).toContainText('2 of 2');
  await expect(review.hunks.last()).toBeInViewport();
  await review.button('next').click();
  await expect(review.bar).toContainText('1 of 2');
  await expect(review.hunks.first()).toBeInViewport();
  await review.button('accept-all').click();
  await expect(review.bar).toHaveCount(0);
  const sources = await editor.sources();
  expect([sources[0], sources[13]]).toEqual(['one = 10', 'two = 20']);
});

test('cells come, go and move, and are undone', async ({
  scripted: { editor, server }
}) => {
  await editor.write('one = 1', 'two = 2', 'three = 3|');
  const review = new ReviewPage(editor);
  await editor.command('jupyter_fastgen:edit');
  await review.prompt.locator('select').selectOption('Whole notebook');
  await review.prompt.locator('input').fill('tidy up');
  await review.prompt.locator('input').press('Enter');
  const job = await server.edit();
  const [one, two, three] = job.message.cells!;
  job.answer(
    { cell: one, kind: 'insert', new: ['# Numbers'], type: 'markdown' },
    { cell: two, kind: 'remove' },
    { cell: three, kind: 'move', after: '' }
  );
  await expect(review.cellHunks).toHaveCount(3);
  await expect(review.cellHunks.first()).toContainText('# Numbers');
  await editor.expectSources('one = 1', 'two = 2', 'three = 3');
  for (const button of await review.cellHunks.locator('button').all()) {
    await button.click({ trial: true });
  }
  await review.button('accept', review.cellHunks.first()).click();
  await editor.expectSources('one = 1', '# Numbers', 'two = 2', 'three = 3');
  await review.button('reject', review.cellHunks.first()).click();
  await expect(review.cellHunks).toHaveCount(1);
  await editor.press('Alt+Shift+Y');
  await editor.expectSources('three = 3', 'one = 1', '# Numbers', 'two = 2');
  await expect(review.bar).toHaveCount(0);
  await editor.command('notebook:undo-cell-action');
  await editor.expectSources('one = 1', '# Numbers', 'two = 2', 'three = 3');
  await expect(review.cellHunks).toHaveCount(1);
  await review.button('close').click();
});

test('changes outlive a change of the cell’s type, its move, and its deletion', async ({
  scripted: { editor, server }
}) => {
  await editor.write('other = 0', 'one = 1\ntwo = 2|');
  const review = new ReviewPage(editor);
  await review.ask('bigger');
  const job = await server.edit();
  const [cell] = job.message.cells!;
  job.answer({ cell, start: 1, end: 2, new: ['two = 20'] });
  await expect(review.hunks).toHaveCount(1);
  await editor.command('notebook:change-cell-to-markdown');
  await expect(review.hunks).toHaveCount(1);
  await editor.command('notebook:move-cell-up');
  await expect(review.hunks).toHaveCount(1);
  await editor.expectSources('one = 1\ntwo = 2', 'other = 0');
  // Within half a second the application takes them for one step.
  await editor.absence();
  await editor.command('notebook:delete-cell');
  await expect(review.hunks).toHaveCount(0);
  await editor.command('notebook:undo-cell-action');
  await expect(review.hunks).toHaveCount(1);
  // Another cell may be the active one now.
  await editor.press('Alt+J');
  await editor.press('Alt+Y');
  await editor.expectSources('one = 1\ntwo = 20', 'other = 0');
});

test('an error is mended where it came from, and all that failed runs again', async ({
  scripted: { editor, server }
}) => {
  await editor.write('def half(x):\n    return x / 0|');
  await editor.run('Shift+Enter');
  const prompt = editor.page.locator('.jp-InputPrompt').first();
  await expect(prompt).toHaveText(/\[\d+\]/, { timeout: 60_000 });
  await editor.type('half(4)');
  await editor.run();
  const output = editor.page.locator('.jp-OutputArea-output').last();
  await expect(output).toContainText('ZeroDivisionError', { timeout: 60_000 });
  await editor.command('jupyter_fastgen:edit:fix');
  const job = await server.edit();
  expect(job.message.action).toBe('fix');
  expect(job.message.error).toMatch(/^ZeroDivisionError|^-/m);
  expect(job.message.error).not.toContain('\u001b');
  const [cell] = job.message.cells!;
  const review = new ReviewPage(editor);
  await expect(review.bar).toContainText('Asking');
  job.answer({ cell, start: 1, end: 2, new: ['    return x / 2'] });
  await expect(review.hunks).toHaveCount(1);
  await editor.press('Alt+Shift+Enter');
  await editor.expectSources('def half(x):\n    return x / 2', 'half(4)');
  await expect(output).toHaveText('2.0', { timeout: 60_000 });
});

test('the context menu has edits that need no words', async ({
  scripted: { editor, server }
}) => {
  const { page } = editor;
  await editor.write('one = 1|');
  await page.locator('.jp-Cell .cm-content').first().click({ button: 'right' });
  const item = (label: string) =>
    page.locator('.lm-Menu-itemLabel', { hasText: label });
  await item('Fastgen').hover();
  await expect(item('Edit with an Instruction')).toBeVisible();
  // The cell has not failed.
  await expect(item('Fix This Error')).toBeHidden();
  await item('Add a Docstring').click();
  const job = await server.edit();
  expect(job.message).toMatchObject({ action: 'docstring', instruction: '' });
  const review = new ReviewPage(editor);
  await expect(review.bar).toContainText('Asking');
  await review.button('cancel').click();
  await expect(review.bar).toHaveCount(0);
});

test('what waits is there again when a notebook is opened again', async ({
  page
}) => {
  const server = await ScriptedServer.replace(page);
  const cells = [{ type: 'code' as const, source: 'one = 1\ntwo = 2' }];
  await saveNotebook(page.request, 'reopened.ipynb', cells);
  await openInLab(page, 'reopened.ipynb');
  const editor = new Editor(page);
  const review = new ReviewPage(editor);
  await page.locator('.cm-content').first().click();
  await review.ask('bigger');
  const job = await server.edit();
  const [cell] = job.message.cells!;
  job.answer(
    { cell, start: 0, end: 1, new: ['one = 10'] },
    { cell, start: 1, end: 2, new: ['two = 20'] }
  );
  await expect(review.hunks).toHaveCount(2);
  await editor.command('application:close');
  await expect(page.locator('.jp-NotebookPanel')).toHaveCount(0);
  await editor.command('docmanager:open', { path: 'reopened.ipynb' });
  await expect(review.hunks).toHaveCount(2);
  await expect(review.bar).toContainText('1 of 2');

  // Another view of it shows the same, and what is done in one is done in both.
  await editor.command('docmanager:clone');
  await expect(page.locator('.jp-fastgen-Hunk')).toHaveCount(4);
  await review.button('accept', review.hunks.first()).first().click();
  await expect(page.locator('.jp-fastgen-Hunk')).toHaveCount(2);
  await editor.expectSources('one = 10\ntwo = 2');
});

test('what waits outlives a reload of the page', async ({ page }) => {
  const server = await ScriptedServer.replace(page);
  const save = (source: string) =>
    saveNotebook(page.request, 'reloaded.ipynb', [{ type: 'code', source }]);
  await save('one = 1\ntwo = 2');
  await openInLab(page, 'reloaded.ipynb');
  const editor = new Editor(page);
  const review = new ReviewPage(editor);
  await page.locator('.cm-content').first().click();
  await review.ask('bigger');
  const job = await server.edit();
  const [cell] = job.message.cells!;
  job.answer(
    { cell, start: 0, end: 1, new: ['one = 10'] },
    { cell, start: 1, end: 2, new: ['two = 20'] }
  );
  await expect(review.hunks).toHaveCount(2);
  await page.reload();
  await expect(review.hunks).toHaveCount(2, { timeout: 60_000 });
  await editor.expectSource('one = 1\ntwo = 2');

  // Somebody else writes into the document while the page is reloaded.
  await save('zero = 0\none = 1\ntwo = 22');
  await page.reload();
  await expect(review.bar).toContainText('1 change was dropped', {
    timeout: 60_000
  });
  await expect(review.hunks).toHaveCount(1);
  await review.button('accept', review.hunks).click();
  await editor.expectSource('zero = 0\none = 10\ntwo = 22');
  await editor.press('ControlOrMeta+z');
  await editor.expectSource('zero = 0\none = 1\ntwo = 22');
  await expect(review.hunks).toHaveCount(1);
});

test('a file is edited as a cell is', async ({ page }) => {
  const server = await ScriptedServer.replace(page);
  const text = 'one = 1\ntwo = 2\n';
  await saveFile(page.request, 'edited.py', text);
  await openInLab(page, 'short.ipynb');
  const editor = new Editor(page);
  await editor.command('docmanager:open', { path: 'edited.py' });
  const content = page.locator('.jp-FileEditor .cm-content');
  await content.click();
  const review = new ReviewPage(editor);
  await review.ask('bigger');
  const job = await server.edit();
  expect(job.message.cells).toEqual(['text']);
  job.answer(
    { cell: 'text', start: 0, end: 1, new: ['one = 10'] },
    { cell: 'text', start: 2, end: 2, new: ['three = 3'] }
  );
  await expect(review.hunks).toHaveCount(2);
  await expect(review.button('accept-and-run')).toBeHidden();
  await editor.expectSource(text);
  await review.button('accept-all').click();
  await editor.expectSource('one = 10\ntwo = 2\nthree = 3\n');
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(text);
});
