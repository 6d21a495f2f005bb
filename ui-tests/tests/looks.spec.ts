/* Ghost text can be read and told from code, in light and dark; pictures for people. */
import { expect, Page } from '@playwright/test';

import { closePanel, Editor, statusItem } from './editor';
import { test } from './pages';

const RIDES = `rides = [
    {"day": "Mon", "station": "Harbour", "minutes": 12, "bikes": 34},
    {"day": "Tue", "station": "Museum", "minutes": 25, "bikes": 18},
    {"day": "Wed", "station": "Park", "minutes": 31, "bikes": 22},
]`;

const THEMES = [
  'JupyterLab Light',
  'JupyterLab Dark',
  'JupyterLab Dark High Contrast'
];

/**
 * Contrast of ghost text with its background. Below 3 grey text is hard to
 * read; it must stay below that of the code, so as not to be taken for it.
 */
const READABLE = 3;

/** What WCAG asks of text of this size. */
const READABLE_TEXT = 4.5;

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

/** Do something in another theme; the page is then light again. */
async function inTheme(
  editor: Editor,
  theme: string,
  act: () => Promise<void>
): Promise<void> {
  await change(editor, theme);
  try {
    await act();
  } finally {
    await change(editor, 'JupyterLab Light');
  }
}

/** A theme takes time to load, and one that is asked for meanwhile may be overtaken. */
async function change(editor: Editor, theme: string): Promise<void> {
  await editor.command('apputils:change-theme', { theme });
  const name = 'data-jp-theme-name';
  await expect(editor.page.locator('body')).toHaveAttribute(name, theme);
}

/** The contrast of the last such element with what is behind it, as WCAG counts it. */
async function contrast(page: Page, selector: string): Promise<number> {
  return page
    .locator(selector)
    .last()
    .evaluate(element => {
      const canvas = document.createElement('canvas').getContext('2d')!;
      const luminance = (layers: string[]) => {
        layers.forEach(color => {
          canvas.fillStyle = color;
          canvas.fillRect(0, 0, 1, 1);
        });
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data]
          .slice(0, 3)
          .map(value => value / 255)
          .map(v => (v <= 0.04 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind: string[] = [];
      let opacity = 1;
      for (
        let node: Element | null = element;
        node;
        node = node.parentElement
      ) {
        const style = getComputedStyle(node);
        behind.unshift(style.backgroundColor);
        opacity *= Number(style.opacity);
      }
      behind.unshift('white');
      const back = luminance(behind);
      canvas.globalAlpha = opacity;
      const front = luminance([getComputedStyle(element).color]);
      const [low, high] = [front, back].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    });
}
