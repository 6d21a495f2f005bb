/* An edit arrives as changes over an untouched cell; the person decides on each. */
import { expect } from '@playwright/test';

import { test } from './pages';
import { ReviewPage } from './review';

const CELL = `import math

def area(r):
    return 3.14 * r ** 2

def rim(r):
    return 2 * 3.14 * r`;

test('an edit is asked for, shown, accepted and undone', async ({
  scripted: { editor, server }
}, info) => {
  await editor.write(`${CELL}|`);
  const review = new ReviewPage(editor);
  await review.ask('use math.pi');
  const job = await server.edit();
  expect(job.message.instruction).toBe('use math.pi');
  const [cell] = job.message.cells!;
  job.progress({ phase: 'reading', fraction: 0.4 });
  await expect(review.status).toHaveText(/Reading the code 40/);
  await editor.page.screenshot({ path: info.outputPath('waiting.png') });
  job.answer(
    {
      cell,
      start: 3,
      end: 4,
      new: ['    return math.pi * r ** 2'],
      label: 'def area'
    },
    {
      cell,
      start: 6,
      end: 7,
      new: ['    return 2 * math.pi * r'],
      label: 'def rim'
    }
  );
  await expect(review.hunks).toHaveCount(2);
  await expect(review.prompt).toHaveCount(0);
  await editor.page.screenshot({ path: info.outputPath('review.png') });
  await editor.expectSource(CELL);
  await editor.press('Alt+y');
  await editor.expectSource(
    CELL.replace('return 3.14 * r ** 2', 'return math.pi * r ** 2')
  );
  await expect(review.hunks).toHaveCount(1);
  await editor.page.screenshot({ path: info.outputPath('one.png') });
  await review.button('accept', review.hunks).click();
  await editor.expectSource(CELL.replaceAll('3.14', 'math.pi'));
  await expect(review.hunks).toHaveCount(0);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(
    CELL.replace('return 3.14 * r ** 2', 'return math.pi * r ** 2')
  );
  await expect(review.hunks).toHaveCount(1);
});
