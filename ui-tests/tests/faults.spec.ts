/* What goes wrong below must not be felt above: the text is the person's. */
import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';

import { expect } from '@playwright/test';

import { closePanel, Editor, expectReady, statusItem } from './editor';
import { MODEL, openInLab } from './jupyter';
import { test } from './pages';
import { engineProcesses, OtherServer } from './server';

test('an engine killed while it writes heals, and no text is lost', async ({
  lab: { editor, wire }
}) => {
  const item = statusItem(editor.page);
  const engines = engineProcesses();
  expect(engines).toHaveLength(1);
  const above =
    '# Quicksort\n\ndef quicksort(numbers):\n    """Sort by partition."""';
  await editor.write(`${above}|`);
  await editor.press('Enter');
  await expect
    .poll(() => wire.answered('chunk').length, {
      intervals: [10],
      timeout: 60_000
    })
    .toBeGreaterThan(0);
  process.kill(engines[0], 'SIGKILL');

  await expect(item).toHaveAttribute('data-state', 'loading');
  await expect.poll(() => wire.answered('done').pop()?.reason).toBe('failed');
  await editor.expectSource(`${above}\n    `);
  // Nothing stops the person while the engine is away.
  await editor.type('if len(num');
  await editor.expectSource(`${above}\n    if len(num`);
  await expectReady(editor.page);
  expect(engineProcesses()).not.toContain(engines[0]);

  // Text comes back by itself, or with the next key.
  await editor.type('b');
  expect(await editor.anyGhost()).toMatch(/^ers/);
  await editor.press('Tab');
  await expect
    .poll(() => editor.source())
    .toContain(`${above}\n    if len(numbers`);
});

test('without a model the status says so and the editor works', async ({
  page
}) => {
  test.setTimeout(120_000);
  const models = mkdtempSync(join(tmpdir(), 'fastgen-no-models-'));
  const server = await OtherServer.start({ FASTGEN_MODELS_DIR: models });
  try {
    await openInLab(page, 'short.ipynb', server.address);
    const item = statusItem(page);
    await expect(item).toHaveText('Fastgen: no model');
    await expect(item).toHaveAttribute('data-state', 'missing');
    // The reason and the way out.
    await expect(item).toHaveAttribute('title', new RegExp(MODEL));
    await expect(item).toHaveAttribute('title', /jupyter fastgen models pull/);

    const editor = new Editor(page);
    await editor.write('minutes = [12, 25, 31]', '|');
    await editor.type('total = sum(minu');
    await editor.expectSource('total = sum(minu');
    await editor.expectGhost('');

    await item.click();
    const panel = page.locator('.jp-fastgen-Panel');
    await expect(panel).toContainText('jupyter fastgen models pull');
    await expect(
      panel.getByRole('button', { name: 'Download the model' })
    ).toBeEnabled();
    // Why nothing was shown for what was just typed.
    await expect(panel.locator('tbody tr').first()).toContainText(MODEL);
    await closePanel(page);
  } finally {
    await server.stop();
    rmSync(models, { recursive: true });
  }
});
