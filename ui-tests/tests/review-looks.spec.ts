/* Edits can be read and told from code, in light and dark; pictures for people. */
import { expect } from '@playwright/test';

import { test } from './pages';
import { ReviewPage } from './review';
import { contrast, inTheme, READABLE_TEXT, THEMES } from './themes';

const CELLS = [
  `import csv

def load(path):
    rides = []
    with open(path) as file:
        for row in csv.DictReader(file):
            rides.append(row)
    return rides`,
  `def longest(rides):
    best = None
    for ride in rides:
        if best is None or int(ride["minutes"]) > int(best["minutes"]):
            best = ride
    return best

def total(rides):
    return sum(int(ride["minutes"]) for ride in rides)`,
  'print(total(load("rides.csv")))|'
] as const;

for (const theme of THEMES) {
  test(`an edit in the theme ${theme}`, async ({
    scripted: { editor, server }
  }, info) => {
    const { page } = editor;
    await inTheme(editor, theme, async () => {
      await editor.write(...CELLS);
      const review = new ReviewPage(editor);
      await editor.command('jupyter_fastgen:edit');
      const select = review.prompt.locator('select');
      await select.selectOption('Whole notebook');
      const input = review.prompt.locator('input');
      await input.fill('read the minutes as numbers once, in load');
      await page.screenshot({ path: info.outputPath('prompt.png') });
      await input.press('Enter');
      const job = await server.edit();
      const [load, longest, print] = job.message.cells!;
      job.progress({ phase: 'writing', lines: 9, cell: longest, line: 3 });
      job.hunks({
        cell: load,
        start: 6,
        end: 7,
        new: [
          '            rides.append({**row, "minutes": int(row["minutes"])})'
        ]
      });
      await expect(review.status).toHaveText('Writing, 9 lines');
      await page.screenshot({ path: info.outputPath('waiting.png') });
      const status = await contrast(page, '.jp-fastgen-Prompt-status');
      expect(status).toBeGreaterThan(READABLE_TEXT);

      job.answer(
        {
          cell: load,
          start: 6,
          end: 7,
          new: [
            '            rides.append({**row, "minutes": int(row["minutes"])})'
          ],
          label: 'def load'
        },
        {
          cell: longest,
          start: 1,
          end: 6,
          new: ['    return max(rides, key=lambda ride: ride["minutes"])'],
          label: 'def longest',
          reasons: ['Four lines go that nobody asked about.']
        },
        {
          cell: longest,
          start: 8,
          end: 9,
          new: ['    return sum(ride["minutes"] for ride in rides)'],
          label: 'def total'
        },
        { cell: longest, kind: 'insert', new: ['rides = load("rides.csv")'] },
        { cell: print, kind: 'remove' }
      );
      await expect(review.hunks).toHaveCount(3);
      await expect(review.cellHunks).toHaveCount(2);
      await page.mouse.move(0, 0);
      await page.screenshot({ path: info.outputPath('review.png') });
      for (const text of [
        '.jp-fastgen-Hunk-line',
        // Without a colour of its own; the theme's are as readable as it makes them.
        '[class="jp-fastgen-mod-addedWord"]',
        '.jp-fastgen-mod-removed',
        '.jp-fastgen-HunkControls-summary',
        '.jp-fastgen-HunkControls-reason',
        '.jp-fastgen-CellHunk-code',
        '.jp-fastgen-Hunk .jp-fastgen-Button',
        '.jp-fastgen-Bar-status'
      ]) {
        expect(await contrast(page, text), text).toBeGreaterThan(READABLE_TEXT);
      }
      await review.button('close').click();
    });
  });
}

test('nothing moves for those who do not want it', async ({
  scripted: { editor, server }
}) => {
  const { page } = editor;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await editor.write('one = 1|');
  const review = new ReviewPage(editor);
  await review.ask('bigger');
  const job = await server.edit();
  await expect(review.waiting).toHaveCount(1);
  await expect(review.waiting).toHaveCSS('animation-name', 'none');
  job.done('empty');
  await review.button('close').click();
  await page.emulateMedia({ reducedMotion: null });
});
