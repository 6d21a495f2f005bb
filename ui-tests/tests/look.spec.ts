import { expect } from '@playwright/test';
import { AnswerPage, PLAYED } from './answer';
import { test } from './pages';
import { inTheme, THEMES } from './themes';

for (const theme of THEMES) {
  test('look ' + theme, async ({ scripted: { editor } }) => {
    const { page } = editor;
    page.on('console', m => console.log(m.type(), m.text().slice(0, 300)));
    const answer = new AnswerPage(editor);
    await editor.write(
      '%%fastgen\nread the file and plot a histogram of the minutes|'
    );
    await answer.run(PLAYED);
    await inTheme(editor, theme, async () => {
      const shot = (n: string) =>
        page.screenshot({
          path: `/tmp/wman/${theme.replace(/ /g, '')}-${n}.png`
        });
      await editor.run();
      await expect(answer.node).toBeVisible();
      await shot('0queued');
      await answer.run(`answer.phase, answer.progress = 'loading', 0.4`);
      await expect(answer.status).toContainText('40');
      await shot('1loading');
      await answer.run(
        `answer.write('import csv\\nfrom collections import Counter\\n\\n\\ndef load(path):\\n    """All rides."""\\n    with open(path) as file:\\n        return list(csv.Dict')`
      );
      await expect(answer.status).toHaveText('Writing');
      await shot('2writing');
      await answer.run(
        `answer.write('Reader(file))\\n\\nrides = load("rides.csv")\\nprint(len(rides), 12 # rides\\n)\\n'); end(tokens=133, rate=24.31)`
      );
      await expect(answer.status).toContainText('133 tokens');
      await shot('3done');
      await answer.button('retry').click();
      await shot('4retry');
      await page.keyboard.press('Escape');
      await answer.run(
        `end('failed', why='The server is gone. Start it again.')`
      );
      await shot('5failed');
      await editor.command('notebook:move-cell-up');
    });
  });
}
