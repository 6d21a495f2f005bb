import { expect, test } from '@playwright/test';

import { loadedExtensions, openInLab, openInNotebook } from './jupyter';

test('the extension loads in JupyterLab', async ({ page }) => {
  await openInLab(page, 'short.ipynb');
  expect(await loadedExtensions(page)).toContain('jupyter_fastgen');
});

test('the extension loads in Notebook 7', async ({ page }) => {
  await openInNotebook(page, 'short.ipynb');
  expect(await loadedExtensions(page)).toContain('jupyter_fastgen');
});
