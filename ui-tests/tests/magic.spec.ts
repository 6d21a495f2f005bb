/* What `%%fastgen` shows below its cell, and what a person does with it. */
import { expect } from '@playwright/test';

import { AnswerPage } from './answer';
import { Editor, expectReady, statusItem } from './editor';
import { openInLab, openInNotebook, saveNotebook } from './jupyter';
import { test } from './pages';
import { ReviewPage } from './review';
import { ScriptedServer } from './script';

const CALL = '%%fastgen\nsort the rides';

test('an answer is streamed, stopped, and asked for in other words', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  const { keyboard } = editor;
  await answer.ask('sort the rides');
  const bar = answer.node.getByRole('progressbar');
  await expect(answer.status).toHaveText('Waiting');
  await answer.run(`answer.phase, answer.progress = 'loading', 0.4`);
  await expect(bar).toHaveAttribute('aria-valuenow', '40');
  await expect(answer.lines.first()).toBeHidden();
  await answer.run(`answer.write('for n in range(3):\\n    pri')`);
  await expect(bar).toBeHidden();
  await answer.run(`answer.write('nt(n)')`);
  await expect(answer.lines).toHaveText(['for n in range(3):', '    print(n)']);
  await expect(answer.lines.first().locator('span').first()).toHaveText('for');
  await answer.button('stop').click();
  await answer.expectOrders({ do: 'stop' });
  await answer.run(`end('stopped')`);
  await expect(answer.status).toHaveText('Stopped');

  // All by keys, none of which is the notebook's.
  await expect(answer.button('insert')).toBeFocused();
  await answer.button('retry').focus();
  await keyboard.press('Enter');
  await keyboard.type('sort the rides, bbq');
  await keyboard.press('Enter');
  await answer.expectOrders(
    { do: 'stop' },
    { do: 'retry', prompt: 'sort the rides, bbq' }
  );
  await answer.run(`answer.send({'clear': True}); answer.phase = 'queued'`);
  await expect(answer.lines.first()).toBeHidden();
  await answer.run(`answer.written = ''; answer.write('rides.sort()')`);
  await answer.run(`end(tokens=4, rate=23.6)`);
  await expect(answer.status).toHaveText('Done · 4 tokens, 24 a second');
  await expect(answer.lines).toHaveText(['rides.sort()']);
  await editor.expectSources(CALL);
});

test('an answer is inserted below, or replaces its cell, and both are undone', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  await answer.ask('sort the rides');
  await answer.run(`answer.write('rides.sort()\\n'); end()`);
  await answer.button('insert').click();
  await editor.expectSources(CALL, 'rides.sort()');
  await expect(editor.page.locator('.jp-Cell').last()).toHaveClass(
    /jp-mod-active/
  );
  await editor.command('notebook:undo-cell-action');
  await editor.expectSources(CALL);

  await answer.button('replace').click();
  await editor.expectSources('rides.sort()');
  await editor.page.locator('.jp-Cell .cm-content').first().click();
  await editor.press('ControlOrMeta+z');
  await editor.expectSources(CALL);
});

test('an answer is accepted and run, while the kernel computes', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  await answer.ask('count');
  await answer.run(`answer.write('print(6 * 7)'); end()`);
  const busy = answer.run('time.sleep(3)');
  await answer.button('run').click();
  await editor.expectSources('%%fastgen\ncount', 'print(6 * 7)');
  await busy;
  await expect(
    editor.page.locator('.jp-Cell').last().locator('.jp-OutputArea-output')
  ).toHaveText('42');
});

test('a cell that holds other code is changed by the review only', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  const review = new ReviewPage(editor);
  await answer.ask('sort the rides', 'kept = 1');
  await answer.run(`answer.write('rides.sort()'); end()`);
  await editor.page.locator('.jp-Cell .cm-content').nth(1).click();
  await editor.press('ControlOrMeta+End');
  await editor.type(', all');
  await answer.button('replace').click();
  await expect(review.hunks).toHaveCount(1);
  await editor.expectSources('kept = 1', `${CALL}, all`);
  await review.button('accept', review.hunks.first()).click();
  await editor.expectSources('kept = 1', 'rides.sort()');
});

test('an answer is compared with the cell below', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  const review = new ReviewPage(editor);
  await answer.ask('sort the rides');
  await expect(answer.button('diff')).toBeHidden();
  await answer.run(`answer.write('one = 1\\ntwo = 2'); end()`);
  await answer.button('insert').click();
  await answer.run(`answer.send({'clear': True})`);
  await answer.run(`answer.written = ''; answer.write('one = 1\\ntwo = 22')`);
  await answer.run('end()');
  await answer.button('diff').click();
  await expect(review.hunks).toHaveCount(1);
  expect(await review.removed()).toEqual(['two = 2']);
  expect(await review.added()).toEqual(['two = 22']);
  await review.button('accept', review.hunks.first()).click();
  await editor.expectSources(CALL, 'one = 1\ntwo = 22');
});

test('an edit of a cell is handed to the review', async ({
  scripted: { editor, server }
}) => {
  const answer = new AnswerPage(editor);
  await answer.ask('bigger', 'one = 1');
  const id = await editor.page.evaluate(() => {
    const { jupyterapp } = window as unknown as NotebookWindow;
    return jupyterapp.shell.currentWidget.content.widgets[0].model.id;
  });
  const wish = { instruction: 'bigger', action: 'fix', error: 'E' };
  await answer.run(
    `answer.wish = ${JSON.stringify(wish)}; answer.target = '${id}'; end()`
  );
  const job = await server.edit();
  expect(job.message).toMatchObject({ cells: [id], ...wish });
  job.answer({ cell: id, start: 0, end: 1, new: ['one = 10'] });
  const review = new ReviewPage(editor);
  await review.button('accept', review.hunks.first()).click();
  await editor.expectSources('one = 10', '%%fastgen\nbigger');
  await expect(answer.button('edit')).toBeVisible();
});

test('a cell that is deleted is forgotten in the kernel', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  await editor.write('one = 1', 'two = 2', 'three = 3|');
  await answer.run(`get_ipython().run_line_magic('reload_ext', 'jupyter_fastgen')
from jupyter_fastgen.magic import loaded
recorder = loaded(get_ipython()).recorder`);
  const expectRan = (...sources: string[]) =>
    expect(async () =>
      answer.run(
        `ran = [ran.source for ran in recorder.cells]\n` +
          `assert ran == ${JSON.stringify(sources)}, ran`
      )
    ).toPass({ timeout: 15_000 });
  await editor.command('notebook:run-all-cells');
  await expectRan('one = 1', 'two = 2', 'three = 3');
  await editor.command('notebook:enter-command-mode');
  await editor.command('notebook:move-cursor-up');
  await editor.command('notebook:delete-cell');
  await editor.expectSources('one = 1', 'three = 3');
  await editor.command('notebook:run-cell');
  await expectRan('one = 1', 'three = 3');
  // What was moved or brought back is not deleted.
  await editor.command('notebook:cut-cell');
  await editor.command('notebook:paste-cell-below');
  await editor.expectSources('one = 1', 'three = 3');
  await editor.command('notebook:move-cursor-up');
  await editor.command('notebook:run-cell');
  await expectRan('three = 3', 'one = 1');
  await answer.run(
    `get_ipython().run_line_magic('unload_ext', 'jupyter_fastgen')`
  );
});

test('of the changes of a file those are applied that are chosen', async ({
  scripted: { editor }
}) => {
  const answer = new AnswerPage(editor);
  await answer.ask('bigger');
  const hunk = { cell: '', kind: 'lines', label: '', reasons: [] };
  const hunks = JSON.stringify([
    { ...hunk, start: 0, end: 1, old: ['a = 1'], new: ['a = 2'] },
    { ...hunk, start: 2, end: 3, old: ['b = 1'], new: ['b = 2'] }
  ]);
  await answer.run(`end(path='rides.py', hunks=${hunks})`);
  await expect(answer.node).toContainText('Changes of rides.py');
  await answer.node.getByRole('checkbox').first().focus();
  await editor.press('Space');
  await answer.button('apply').click();
  await answer.expectOrders({ do: 'apply', take: [1] });
  await answer.run(`end(hunks=[], why='wrote 1 change to rides.py')`);
  await expect(answer.node).toContainText('Wrote 1 change to rides.py');
  await expect(answer.button('apply')).toBeHidden();
});

test('an answer outlives the page and the kernel', async ({ page }) => {
  await ScriptedServer.replace(page);
  await saveNotebook(page.request, 'answer.ipynb', [
    { type: 'code', source: '' }
  ]);
  await openInLab(page, 'answer.ipynb');
  const editor = new Editor(page);
  const answer = new AnswerPage(editor);
  await answer.ask('count');
  await answer.run(`answer.write('print(6')`);
  await expect(answer.lines).toHaveText(['print(6']);
  await editor.command('docmanager:save');

  await openInLab(page, 'answer.ipynb');
  await expect(answer.status).toHaveText('Writing');
  await answer.run(`answer.write(' * 7)'); end()`);
  await expect(answer.lines).toHaveText(['print(6 * 7)']);
  await expect(answer.button('retry')).toBeVisible();
  await editor.command('docmanager:save');

  await editor.command('kernelmenu:shutdown');
  await expect(answer.button('retry')).toBeHidden();
  await openInLab(page, 'answer.ipynb');
  await expect(answer.node).toHaveAccessibleName('Saved answer');
  await expect(answer.lines).toHaveText(['print(6 * 7)']);
  await expect(answer.lines.first().locator('span').first()).toHaveText(
    'print'
  );
  await answer.button('insert').click();
  await editor.expectSources('%%fastgen\ncount', 'print(6 * 7)');
});

test('all else works where ipywidgets is not installed', async ({ page }) => {
  await ScriptedServer.replace(page);
  await page.route('**/@jupyter-widgets/**', route => route.abort());
  await openInLab(page, 'short.ipynb');
  await expectReady(page);
  const editor = new Editor(page);
  const answer = new AnswerPage(editor);
  const data = {
    'application/vnd.jupyter-fastgen.answer+json': { model: 'none' },
    'text/markdown': '```python\na = 1\n```',
    'text/plain': 'a = 1'
  };
  const shown = JSON.stringify(JSON.stringify(data));
  await editor.write(
    `import json\nfrom IPython.display import display\ndisplay(json.loads(${shown}), raw=True)|`
  );
  await editor.run();
  await expect(answer.lines).toHaveText(['a = 1']);
  await answer.button('insert').click();
  await expect.poll(async () => (await editor.sources()).pop()).toBe('a = 1');
});

test('Notebook 7 shows answers, too', async ({ page }) => {
  await ScriptedServer.replace(page);
  await saveNotebook(page.request, 'answer7.ipynb', [
    { type: 'code', source: '' }
  ]);
  await openInNotebook(page, 'answer7.ipynb');
  await expect(statusItem(page)).toBeVisible();
  const editor = new Editor(page);
  const answer = new AnswerPage(editor);
  await answer.ask('count');
  await answer.run(`answer.write('print(6 * 7)'); end()`);
  await answer.button('run').click();
  await expect(page.locator('.jp-OutputArea-output').last()).toHaveText('42');
});

/** What is used here of the application. */
interface NotebookWindow {
  jupyterapp: {
    shell: {
      currentWidget: { content: { widgets: { model: { id: string } }[] } };
    };
  };
}
