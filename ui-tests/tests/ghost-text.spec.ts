/* What a person does all day, with the real model. */
import { expect } from '@playwright/test';

import { Editor } from './editor';
import { saveFile } from './jupyter';
import { test } from './pages';

const RIDES = `rides = [
    {"day": "Mon", "station": "Harbour", "minutes": 12},
    {"day": "Tue", "station": "Museum", "minutes": 25},
    {"day": "Wed", "station": "Park", "minutes": 31},
]`;

const MINUTES = 'minutes = [ride["minutes"] for ride in rides]';

test('text streams while typing, Tab takes it, one undo gives it back', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, MINUTES, '|');
  await recordGhosts(editor);
  const typed = 'stations = [ride[';
  await editor.type(typed);
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  expect(ghost).toMatch(/\S/);
  // Shown while it grew, not only when it was whole.
  const shown = await recordedGhosts(editor);
  const grown = shown.filter(text => text !== ghost && ghost.startsWith(text));
  expect(grown, shown.join(' | ')).not.toHaveLength(0);

  await editor.press('Tab');
  await editor.expectSource(typed + ghost);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(typed);
});

test('after an acceptance the next text costs no request', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, MINUTES, '|');
  await editor.type('total = sum(minutes');
  await editor.anyGhost();
  await wire.settled();
  await expect
    .poll(() => {
      const [last] = wire.asked('ahead').slice(-1);
      return !!last && wire.answered('done').some(({ id }) => id === last.id);
    })
    .toBe(true);
  const asked = wire.asked('complete').length;
  const ghost = await editor.settledGhost();
  await editor.press('Tab');
  await editor.expectSource(`total = sum(minutes${ghost}`);
  expect(await editor.anyGhost()).not.toBe(ghost);
  expect(wire.asked('complete')).toHaveLength(asked);
});

test('what was accepted and deleted does not come back', async ({
  lab: { editor, wire }
}) => {
  await editor.write('|');
  await editor.type('import numpy as');
  await editor.type(' ');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  await editor.press('Tab');
  await editor.expectSource(`import numpy as ${ghost}`);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource('import numpy as ');
  await wire.settled();
  await editor.absence();
  expect(await editor.ghosts()).not.toContain(ghost);
});

test('keys that agree cost no request', async ({ lab: { editor, wire } }) => {
  await editor.write(RIDES, MINUTES, '|');
  await editor.type('stations = [ride[');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  const asked = wire.asked('complete').length;
  const first = ghost.slice(0, 4);
  await editor.type(first);
  await editor.expectGhost(ghost.slice(4));
  await editor.absence();
  expect(wire.asked('complete')).toHaveLength(asked);
  await editor.press('Tab');
  await editor.expectSource('stations = [ride[' + ghost);
});

test('after a key that does not agree, the text shown fits what is typed', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, MINUTES, '|');
  await editor.type('stations = [ride[');
  const old = await editor.anyGhost();
  // Certainly not what was suggested.
  const key = old.startsWith('0') ? '1' : '0';
  wire.clear();
  await editor.type(`${key}] * len(ri`);
  await wire.settled();
  expect(wire.asked('complete').length).toBeGreaterThan(0);
  const ghost = await editor.settledGhost();
  expect(ghost).toMatch(/^d/);
  await editor.press('Tab');
  await editor.expectSource(`stations = [ride[${key}] * len(ri${ghost}`);
});

test('Enter brings text to the fresh indented line', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, 'def total_minutes(rides):|');
  await editor.press('Enter');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  // The indentation is there already; what is suggested begins with code.
  expect(ghost).toMatch(/^\S/);
  const start = 'def total_minutes(rides):\n    ';
  await editor.expectSource(start);
  await editor.press('Tab');
  await editor.expectSource(start + ghost);
});

test('text in the middle of a line leaves what is behind the cursor alone', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, MINUTES, 'total = sum(|) / len(rides)');
  await editor.type('minu');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  expect(ghost).toMatch(/^tes/);
  await editor.press('Tab');
  await editor.expectSource(`total = sum(minu${ghost}) / len(rides)`);
});

test('emoji before the cursor do not shift the text', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, MINUTES, 's = "😀👩‍🚀😀"; |');
  await editor.type('print(len(minu');
  await editor.anyGhost();
  await wire.settled();
  const before = 's = "😀👩‍🚀😀"; print(len(minu';
  const ghost = await editor.settledGhost();
  expect(ghost).toMatch(/^tes/);
  await editor.press('Tab');
  await editor.expectSource(before + ghost);
});

test('Markdown cells are left alone', async ({ lab: { editor, wire } }) => {
  await editor.write(RIDES, { type: 'markdown', source: '|' });
  // What the cell of the test before still asked for is not this one's.
  wire.clear();
  await editor.type('The mean of the minu');
  await editor.absence();
  expect(wire.asked('complete')).toHaveLength(0);
  await editor.expectGhost('');
  await editor.expectSource('The mean of the minu');
});

test('a suggestion is announced to screen readers', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, MINUTES, '|');
  await editor.type('mean_minutes = sum(');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  const region = editor.page.locator('.jp-fastgen-Announcer[role="status"]');
  await expect(region).toContainText(ghost.trim().split('\n')[0]);
});

test('files of code get text, too', async ({ lab: { editor, wire } }) => {
  await saveFile(editor.page.request, 'rides.py', `${RIDES}\n${MINUTES}\n\n`);
  const open = { path: 'rides.py', factory: 'Editor' };
  await editor.command('docmanager:open', open);
  await editor.page.locator('.jp-FileEditor .cm-content').click();
  await editor.press('ControlOrMeta+End');
  await editor.type('mean = sum(minu');
  await editor.anyGhost();
  await wire.settled();
  const ghost = await editor.settledGhost();
  expect(ghost).toMatch(/^tes/);
  await editor.press('Tab');
  await editor.expectSource(`${RIDES}\n${MINUTES}\n\nmean = sum(minu${ghost}`);
  await editor.discard();
});

/** What a page keeps for `recordedGhosts`. */
interface RecordingWindow {
  ghosts: string[];
}

/** Note every ghost text that is ever drawn. */
async function recordGhosts({ page }: Editor): Promise<void> {
  await page.evaluate(() => {
    const ghosts: string[] = [];
    (window as unknown as RecordingWindow).ghosts = ghosts;
    new MutationObserver(() => {
      const ghost = document.querySelector<HTMLElement>(
        '.jp-GhostText[data-provided-by="jupyter_fastgen"]'
      );
      const text = ghost?.innerText ?? '';
      if (text !== '' && text !== ghosts[ghosts.length - 1]) {
        ghosts.push(text);
      }
    }).observe(document.body, {
      childList: true,
      characterData: true,
      subtree: true
    });
  });
}

async function recordedGhosts({ page }: Editor): Promise<string[]> {
  return page.evaluate(() => (window as unknown as RecordingWindow).ghosts);
}
