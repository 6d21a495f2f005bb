/* What the status says, and what can be done from its panel. */
import { expect, Page } from '@playwright/test';

import { closePanel, expectReady, statusItem } from './editor';
import { MODEL, saveSettings, SETTINGS } from './jupyter';
import { test } from './pages';

const ABOVE = `minutes = [12, 25, 31]
stations = ["Harbour", "Museum", "Park"]`;

test.afterAll(async ({ playwright, baseURL }) => {
  // A test that fails on its way may leave suggestions turned off.
  const request = await playwright.request.newContext({ baseURL });
  await saveSettings(request, SETTINGS.fastgen, {});
  await request.dispose();
});

test('the status bar says ready, with model, engine and speed', async ({
  lab: { editor, wire }
}) => {
  await editor.write(ABOVE, '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
  await wire.settled();
  const item = statusItem(editor.page);
  await expect(item).toHaveText(/^Fastgen: ready, [1-9]\d* ms$/);
  await expect(item).toHaveAttribute('title', new RegExp(MODEL));
  await expect(item).toHaveAttribute('title', /llama\.cpp/);
});

test('the panel opens by key and tells of the last requests', async ({
  lab: { editor, wire }
}) => {
  await editor.write(ABOVE, '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
  await wire.settled();
  const panel = await openPanelByKey(editor.page);
  await expect(panel).toContainText(MODEL);
  const latest = panel.locator('tbody tr').first();
  await expect(latest).toContainText('typing');
  await expect(latest).toContainText(/\d ms/);
  // Of each request it tells the cost; never the text.
  await expect(latest).toContainText(/\d+ \/ \d+ \/ \d+/);
  await expect(panel).not.toContainText('total');
  await closePanel(editor.page);
});

test('turned off, nothing is suggested and nothing is sent', async ({
  lab: { editor, wire }
}) => {
  const { page } = editor;
  const item = statusItem(page);
  await pressInPanel(page, 'Turn off');
  await expect(item).toHaveText('Fastgen: off');
  // What the server knew is taken back.
  await expect.poll(() => wire.asked('close').length).toBeGreaterThan(0);
  wire.clear();
  await editor.write(ABOVE, '|');
  await editor.type('total = sum(minu');
  await editor.absence();
  await editor.expectGhost('');
  await editor.expectSource('total = sum(minu');
  expect(wire.sent).toEqual([]);

  await pressInPanel(page, 'Turn on');
  await expectReady(page);
  await editor.write(ABOVE, '|');
  await editor.type('total = sum(minu');
  expect(await editor.anyGhost()).toMatch(/^tes/);
});

test('what was learned is forgotten by a button', async ({
  lab: { editor }
}) => {
  const { page } = editor;
  const answer = page.waitForResponse(/jupyter-fastgen\/action/);
  await pressInPanel(page, 'Forget what I accept');
  expect((await answer).status()).toBe(200);
  expect((await answer).request().postDataJSON()).toEqual({ action: 'forget' });
  await expectReady(page);
});

/** Reach the panel as a person without a mouse does. */
async function openPanelByKey(page: Page) {
  await statusItem(page).focus();
  await page.keyboard.press('Enter');
  const panel = page.locator('.jp-fastgen-Panel');
  await expect(panel).toBeVisible();
  // The dialog takes the focus for its own button first, a moment after it is shown.
  await expect(page.locator('.jp-fastgen-PanelDialog :focus')).toHaveCount(1);
  return panel;
}

async function pressInPanel(page: Page, button: string): Promise<void> {
  const panel = await openPanelByKey(page);
  await panel.getByRole('button', { name: button }).focus();
  await page.keyboard.press('Enter');
  await closePanel(page);
}
