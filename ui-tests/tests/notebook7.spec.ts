/* The same in Notebook 7, which has no status bar. */
import { expect } from '@playwright/test';

import { closePanel, statusItem } from './editor';
import { MODEL } from './jupyter';
import { test } from './pages';

test('Notebook 7 has ghost text, and Tab takes it', async ({
  notebook: { editor, wire }
}) => {
  await editor.write('minutes = [12, 25, 31]', '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  expect(ghost).toMatch(/^tes/);
  await editor.press('Tab');
  await editor.expectSource(`total = sum(minu${ghost}`);
});

test('Notebook 7 has the status in the notebook’s toolbar', async ({
  notebook: { editor }
}) => {
  const item = statusItem(editor.page);
  await expect(editor.page.locator('.jp-NotebookPanel-toolbar')).toContainText(
    'Fastgen: ready'
  );
  await expect(item).toHaveAttribute('title', new RegExp(MODEL));
  await item.click();
  const panel = editor.page.locator('.jp-fastgen-Panel');
  await expect(panel).toContainText(MODEL);
  await closePanel(editor.page);
});
