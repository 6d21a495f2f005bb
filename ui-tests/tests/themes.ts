import { expect, Page } from '@playwright/test';

import type { Editor } from './editor';

/** Themes in which all must be readable. */
export const THEMES = [
  'JupyterLab Light',
  'JupyterLab Dark',
  'JupyterLab Dark High Contrast'
];

/** What WCAG asks of text of this size. */
export const READABLE_TEXT = 4.5;

/** Do something in another theme; the page is then light again. */
export async function inTheme(
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
export async function contrast(page: Page, selector: string): Promise<number> {
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
