/* Ghost text can be read and told from code, in light and dark; pictures for people. */
import { expect } from '@playwright/test';

import { closePanel, statusItem } from './editor';
import { test } from './pages';
import { contrast, inTheme, READABLE_TEXT, THEMES } from './themes';

const RIDES = `rides = [
    {"day": "Mon", "station": "Harbour", "minutes": 12, "bikes": 34},
    {"day": "Tue", "station": "Museum", "minutes": 25, "bikes": 18},
    {"day": "Wed", "station": "Park", "minutes": 31, "bikes": 22},
]`;

/**
 * Contrast of ghost text with its background. Below 3 grey text is hard to
 * read; it must stay below that of the code, so as not to be taken for it.
 */
const READABLE = 3;

for (const theme of THEMES) {
  test(`ghost text, status and panel in the theme ${theme}`, async ({
    lab: { editor, wire }
  }, info) => {
    const { page } = editor;
    await inTheme(editor, theme, async () => {
      await editor.write(RIDES, 'def longest_ride(rides):|');
      await editor.press('Enter');
      await editor.anyGhost();
      await wire.settled();
      await editor.settledGhost();
      await page.screenshot({ path: info.outputPath('ghost-text.png') });
      const ghost = await contrast(page, '.jp-GhostText');
      const code = await contrast(page, '.cm-content');
      expect(ghost).toBeGreaterThan(READABLE);
      expect(code).toBeGreaterThan(ghost);
      const item = await contrast(page, '.jp-fastgen-StatusItem-button');
      expect(item).toBeGreaterThan(READABLE_TEXT);

      await statusItem(page).click();
      await expect(page.locator('.jp-fastgen-Panel tbody')).toBeVisible();
      await page.screenshot({ path: info.outputPath('panel.png') });
      const fact = await contrast(page, '.jp-fastgen-Panel dt');
      expect(fact).toBeGreaterThan(READABLE_TEXT);
      await closePanel(page);
    });
  });
}

for (const theme of THEMES) {
  test(`a suggested cell in the theme ${theme}`, async ({
    scripted: { editor, server }
  }, info) => {
    const { page } = editor;
    await inTheme(editor, theme, async () => {
      await editor.write(`${RIDES}|`);
      await editor.run();
      const job = await server.jobOfNextCell();
      job.chunk('for ride in rides:\n    print(ride["day"], ride["minutes"])');
      job.done();
      await expect(editor.ghostCell).toBeVisible();
      await page.screenshot({ path: info.outputPath('ghost-cell.png') });
      const ghost = await contrast(page, '.jp-fastgen-GhostCell-code');
      expect(ghost).toBeGreaterThan(READABLE);
      expect(await contrast(page, '.cm-content')).toBeGreaterThan(ghost);
      const hint = await contrast(page, '.jp-fastgen-GhostCell-hint');
      expect(hint).toBeGreaterThan(READABLE_TEXT);
    });
  });
}

test('what holds the place of text that is gone cannot be seen', async ({
  scripted: { editor, server }
}) => {
  await inTheme(editor, 'JupyterLab Dark High Contrast', async () => {
    await editor.write('def f(x):|');
    await editor.press('Enter');
    const job = await server.jobAt(14);
    job.chunk('if x:\n        return 1\n    return 2');
    job.done();
    await editor.anyGhost();
    await editor.type('z');
    const spacer = editor.page.locator('.jp-GhostText-lineSpacer');
    await expect(spacer).toHaveCSS('opacity', '0');
  });
});
