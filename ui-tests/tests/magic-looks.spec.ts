/* Answers can be read in light and dark; pictures for people. */
import { expect } from '@playwright/test';

import { AnswerPage } from './answer';
import { test } from './pages';
import { contrast, inTheme, READABLE_TEXT, THEMES } from './themes';

const CODE = `import csv


def load(path):
    """All rides of a file."""
    with open(path) as file:
        return list(csv.DictReader(file))
`;

const HUNK = {
  cell: '',
  start: 3,
  end: 4,
  old: ['rides = 0'],
  new: ['rides = load("rides.csv")', 'print(len(rides))'],
  kind: 'lines',
  label: 'def main',
  reasons: []
};

for (const theme of THEMES) {
  test(`an answer in the theme ${theme}`, async ({
    scripted: { editor }
  }, info) => {
    const { page } = editor;
    const answer = new AnswerPage(editor);
    const picture = async (name: string) => {
      await page.mouse.move(0, 0);
      await page.screenshot({ path: info.outputPath(`${name}.png`) });
    };
    const expectReadable = async (...selectors: string[]) => {
      for (const selector of selectors) {
        const found = await contrast(page, `.jp-fastgen-Answer ${selector}`);
        expect(found, selector).toBeGreaterThan(READABLE_TEXT);
      }
    };
    await inTheme(editor, theme, async () => {
      await answer.ask('read the rides', 'rides = 0');
      await answer.run(`answer.phase, answer.progress = 'loading', 0.4`);
      await expect(answer.status).toContainText('40');
      await picture('loading');
      await answer.run(`answer.write(${JSON.stringify(CODE)})`);
      await expect(answer.status).toHaveText('Writing');
      await picture('writing');
      await answer.run(`end('done', tokens=52, rate=24.3)`);
      await expect(answer.status).toContainText('52 tokens');
      await answer.button('retry').click();
      await picture('done');
      await editor.press('Escape');
      const why = 'the answer broke off; ask again';
      await answer.run(`end('failed', why=${JSON.stringify(why)})`);
      await expect(answer.node).toContainText('The answer broke off');
      await picture('failed');
      await expectReadable(
        '.jp-fastgen-Answer-prompt',
        '.jp-fastgen-Answer-status',
        '.jp-fastgen-Answer-why',
        '.cm-line',
        '.jp-fastgen-Button:not([hidden])'
      );
      await answer.run(`answer.send({'clear': True})`);
      const doubtful = { ...HUNK, start: 8, end: 9, reasons: ['It goes.'] };
      const hunks = JSON.stringify(JSON.stringify([HUNK, doubtful]));
      await answer.run(
        `import json; end(path='rides.py', why='', hunks=json.loads(${hunks}))`
      );
      await expect(answer.button('apply')).toHaveText('Apply 1 Change');
      await picture('file');
      await expectReadable(
        '.jp-fastgen-FileHunk label',
        '.jp-fastgen-FileHunk-reason',
        '.jp-fastgen-FileHunk-old',
        '.jp-fastgen-FileHunk-new'
      );
    });
  });
}

test('nothing moves in an answer for those who do not want it', async ({
  scripted: { editor }
}) => {
  const { page } = editor;
  const answer = new AnswerPage(editor);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await answer.ask('read the rides');
  for (const part of ['skeleton', 'bar']) {
    const moving = answer.node.locator(`.jp-fastgen-Answer-${part} > div`);
    await expect(moving.first()).toBeVisible();
    await expect(moving.first()).toHaveCSS('animation-name', 'none');
  }
  await page.emulateMedia({ reducedMotion: null });
});
