/* Other texts for the same place, and what screen readers are told. */
import { expect } from '@playwright/test';

import type { Editor } from './editor';
import { test } from './pages';

const RIDES = `rides = [
    {"day": "Mon", "station": "Harbour", "minutes": 12},
    {"day": "Tue", "station": "Museum", "minutes": 25},
]`;

function region({ page }: Editor) {
  return page.locator('.jp-fastgen-Announcer[role="status"]');
}

test('a key finds another text and goes back; Tab takes the one shown', async ({
  lab: { editor, wire }
}) => {
  await editor.write(RIDES, 'def longest(rides):|');
  await editor.press('Enter');
  const start = 'def longest(rides):\n    ';
  await editor.anyGhost();
  await wire.settled();
  const first = await editor.settledGhost();
  await editor.press('Alt+]');
  await expect
    .poll(() => editor.ghosts(), { timeout: 60_000 })
    .not.toEqual([first]);
  const second = await editor.settledGhost();
  expect(second.trim()).not.toBe('');
  expect(second.trim()).not.toBe(first.trim());
  await expect(region(editor)).toContainText(
    /Suggestion \d of \d from Fastgen: /
  );
  await editor.press('Alt+[');
  await editor.expectGhost(first);
  await editor.press('Alt+]');
  await editor.expectGhost(second);
  await editor.press('Tab');
  await editor.expectSource(`${start}${second}`);
  await editor.press('ControlOrMeta+z');
  await editor.expectSource(start);
});

test('in idle time alternatives come without changing what is shown', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rint(x)');
  job.done();
  await editor.expectGhost('rint(x)');
  await expect(region(editor)).toHaveText('Suggestion from Fastgen: rint(x)');
  (await server.jobAfter('rint(x)')).done('empty');
  const search = await server.searchFor('rint(x)');
  search.alternative('ass');
  search.alternative('roduct = x * y');
  search.done();
  await expect(region(editor)).toHaveText('There are 2 alternatives');
  await editor.expectGhost('rint(x)');
  await editor.press('Alt+]');
  await editor.expectGhost('ass');
  await expect(region(editor)).toHaveText(
    'Suggestion 2 of 3 from Fastgen: ass'
  );
  await editor.press('Alt+]');
  await editor.expectGhost('roduct = x * y');
  await editor.type('ro');
  await editor.expectGhost('duct = x * y');
  await editor.press('Tab');
  await editor.expectSource('product = x * y');
  expect(server.requests.filter(({ offset }) => offset! < 15)).toHaveLength(1);
});

test('what is chosen stays while both fit what is typed', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('s');
  const job = await server.jobAt(1);
  job.chunk('um(a)');
  job.done();
  await editor.expectGhost('um(a)');
  await editor.press('Alt+]');
  const search = await server.searchFor('um(a)');
  search.alternative('um(b)');
  search.done();
  await editor.expectGhost('um(b)');
  await editor.type('um(');
  await editor.expectGhost('b)');
  await editor.press('Alt+[');
  await editor.expectGhost('a)');
  await editor.press('Tab');
  await editor.expectSource('sum(a)');
});

test('the next key ends the search', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('p');
  const job = await server.jobAt(1);
  job.chunk('rint(x)');
  job.done();
  await editor.expectGhost('rint(x)');
  await editor.press('Alt+]');
  const search = await server.searchFor('rint(x)');
  await editor.type('r');
  await expect.poll(() => search.isEnded).toBe(true);
  search.alternative('ass');
  await editor.absence();
  await editor.expectGhost('int(x)');
});

test('a key reads all lines of the text again', async ({
  scripted: { editor, server }
}) => {
  await editor.write('|');
  await editor.type('d');
  const job = await server.jobAt(1);
  job.chunk('ef double(x):\n    return 2 * x');
  job.done();
  await editor.anyGhost();
  const short = 'Suggestion from Fastgen: ef double(x):, and 1 more line';
  await expect(region(editor)).toHaveText(short);
  const whole = 'Suggestion from Fastgen: ef double(x):\n    return 2 * x';
  for (let times = 0; times < 2; times++) {
    const emptied = editor.page.waitForFunction(
      () => document.querySelector('.jp-fastgen-Announcer')!.textContent === ''
    );
    await editor.press('Alt+r');
    await emptied;
    await expect.poll(() => region(editor).textContent()).toBe(whole);
  }
  await editor.expectSource('d');
  await editor.press('Escape');
});
