/* The size of a document must not be felt at a key. */
import { expect } from '@playwright/test';

import { Editor, expectReady } from './editor';
import { openInLab, saveNotebook } from './jupyter';
import { test } from './pages';
import type { Wire } from './wire';

/** Bytes of the largest message that a key may cost. */
const KEYSTROKE_BYTES = 300;

/**
 * What a key may send: the change, the request, and giving up the one before;
 * after a rest, what follows the suggestion is asked for, which says it.
 */
const KEYSTROKE = ['change', 'complete', 'cancel', 'warm', 'ahead'];

test('a key in a notebook of 500 cells sends at most 300 bytes', async ({
  lab: { editor, wire }
}) => {
  const cells = Array.from(
    { length: 499 },
    (_, n) =>
      `# Step ${n}: ${'measure, count and note. '.repeat(8)}\nx${n} = ${n}`
  );
  await editor.write(...cells, '|');
  // The first key sends the document; it is not a keystroke's cost.
  await editor.type('v');
  await wire.settled();
  wire.clear();
  await editor.type('alues = [x1, x2, x');
  await editor.expectSource('values = [x1, x2, x');
  await wire.settled();
  await editor.anyGhost();
  expectSmall(wire);
  await editor.write('|');
});

test('a cell of 5,000 lines can be typed in, with text', async ({
  lab: { editor, wire }
}) => {
  const lines = Array.from({ length: 5000 }, (_, n) => `value_${n} = ${n} * 2`);
  const source = lines.join('\n');
  await editor.write(`${source}\n|`);
  await editor.type('t');
  await wire.settled();
  wire.clear();
  await editor.type('otal = value_4998 + val');
  await editor.expectSource(`${source}\ntotal = value_4998 + val`);
  await wire.settled();
  const ghost = await editor.anyGhost();
  expect(ghost).toMatch(/^ue_/);
  expectSmall(wire);
  await editor.write('|');
});

test('two pages on one notebook each have text of their own', async ({
  page,
  lab
}) => {
  const cell = { type: 'code' as const, source: 'minutes = [12, 25, 31]' };
  await saveNotebook(page.request, 'both.ipynb', [cell]);
  await lab.editor.command('docmanager:open', { path: 'both.ipynb' });
  await openInLab(page, 'both.ipynb');
  await expectReady(page);
  const other = new Editor(page);
  for (const editor of [lab.editor, other]) {
    await editor.write('minutes = [12, 25, 31]', '|');
  }
  await lab.editor.type('total = sum(minu');
  await other.type('longest = max(minu');
  expect(await lab.editor.anyGhost()).toMatch(/^tes/);
  expect(await other.anyGhost()).toMatch(/^tes/);
  await lab.editor.expectSource('total = sum(minu');
  await other.expectSource('longest = max(minu');
  await lab.editor.discard();
});

test('in two views of one notebook only the one with the cursor has text', async ({
  lab: { editor }
}) => {
  await editor.write('minutes = [12, 25, 31]', '|');
  await editor.command('docmanager:clone');
  await expect(editor.page.locator('.jp-Notebook')).toHaveCount(2);
  await editor.write('minutes = [12, 25, 31]', '|');
  await editor.type('total = sum(minu');
  // `anyGhost` takes exactly one.
  expect(await editor.anyGhost()).toMatch(/^tes/);
  await editor.press('Tab');
  await expect.poll(() => editor.source()).toMatch(/^total = sum\(minutes/);
  await editor.command('application:close');
});

function expectSmall(wire: Wire): void {
  for (const { message, bytes } of wire.sent) {
    expect(KEYSTROKE).toContain(message.type);
    const said = message.type === 'ahead' ? message.text!.length : 0;
    expect(bytes - said, message.type).toBeLessThanOrEqual(KEYSTROKE_BYTES);
  }
  expect(wire.asked('change').length).toBeGreaterThan(10);
}
