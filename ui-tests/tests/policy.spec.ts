/* What is not allowed can't be had from the page, which says who says so. */
import { mkdtempSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';

import { expect, Page } from '@playwright/test';

import { closePanel, Editor, statusItem } from './editor';
import { openInLab } from './jupyter';
import { test } from './pages';
import { OtherServer } from './server';
import { contrast, inTheme, READABLE_TEXT, THEMES } from './themes';
import { Wire } from './wire';

const POLICY = join(mkdtempSync(join(tmpdir(), 'fastgen-policy-')), 'policy');
const EXAM = 'the administrator turned it off (preset exam)';

/** Of what a page says only this has nothing of its documents. */
const SILENT = ['hello', 'close'];

/** A kernel's own request, past the magic. */
const DIRECT = `import json, os, urllib.request
for door, asked in [
    ("generate", {"prompt": "sum the minutes"}),
    ("edit", {"cells": [{"id": "a", "type": "code", "source": "x = 1"}], "instruction": "2"}),
]:
    request = urllib.request.Request(
        os.environ["FASTGEN_URL"] + "jupyter-fastgen/" + door,
        json.dumps(asked).encode(),
        {"Authorization": "fastgen " + os.environ["FASTGEN_SECRET"]},
    )
    print(urllib.request.urlopen(request).read().decode())`;

/** What is used here of the application. */
interface PolicyWindow {
  jupyterapp: {
    shell: {
      currentWidget: {
        model: { setMetadata(key: string, value: object): void };
      };
    };
    serviceManager: {
      settings: { save(id: string, raw: string): Promise<void> };
    };
  };
}

let server: OtherServer;

test.beforeAll(async () => {
  writeFileSync(POLICY, 'everyone.preset = "exam"');
  server = await OtherServer.start({ FASTGEN_UI_POLICY: POLICY });
});

test.afterAll(async () => {
  await server?.stop();
});

/** Opens a notebook of that server. */
async function opened(page: Page): Promise<{ editor: Editor; wire: Wire }> {
  const wire = new Wire(page);
  await openInLab(page, 'short.ipynb', server.address);
  return { editor: new Editor(page), wire };
}

async function openPanel(page: Page) {
  await statusItem(page).click();
  const panel = page.locator('.jp-fastgen-Panel');
  await expect(panel).toBeVisible();
  return panel;
}

test('in an exam there is no ghost text, no edit and no magic answer', async ({
  page
}) => {
  test.setTimeout(180_000);
  const { editor, wire } = await opened(page);
  const item = statusItem(page);
  await expect(item).toHaveText('Fastgen: off');
  await expect(item).toHaveAttribute('title', new RegExp('preset exam'));

  // Typing, a blank line, the command, a cell that ran, and an edit.
  await editor.write('minutes = [12, 25]', '|');
  await editor.type('total = sum(minu');
  await editor.command('jupyter_fastgen:invoke');
  const notice = page.locator('.Toastify__toast');
  await expect(notice).toContainText(`No suggestion: ${EXAM}.`);
  await editor.command('notebook:run-cell-and-select-next');
  await editor.command('jupyter_fastgen:edit');
  await expect(page.getByText(`No edit: ${EXAM}.`).first()).toBeVisible();
  await expect(page.locator('.jp-fastgen-PromptBox')).toHaveCount(0);
  await editor.command('jupyter_fastgen:edit:docstring');
  await editor.absence();
  const said = wire.sent.map(({ message }) => message.type);
  expect(said.filter(type => !SILENT.includes(type))).toEqual([]);
  await expect(page.locator('.jp-GhostText')).toHaveCount(0);

  // The kernel's ways.
  for (const source of ['%%fastgen\nsum the minutes', DIRECT]) {
    await editor.write(`${source}|`);
    await editor.run();
    const output = page.locator('.jp-OutputArea').first();
    await expect(output).toContainText(EXAM, {
      ignoreCase: true,
      timeout: 60_000
    });
  }
  const answers = page.locator('.jp-OutputArea-output').first();
  await expect(answers).toContainText('"reason":"off"');
  await expect(answers).not.toContainText('chunk');

  // The switch is not there, for it would do nothing.
  const panel = await openPanel(page);
  const rules = panel.getByRole('region', { name: 'Not for you to decide' });
  await expect(rules.getByRole('listitem')).toHaveCount(5);
  await expect(rules).toContainText(`Suggest code: off – ${EXAM}`);
  await expect(panel.getByRole('button', { name: /Turn o/ })).toHaveCount(0);
  await closePanel(page);

  // It is over: the page learns it by itself.
  writeFileSync(POLICY, '');
  await expect(item).toHaveText(/ready|loading|resting/, { timeout: 60_000 });
  await expect(item).toHaveText(/ready/, { timeout: 90_000 });
  await editor.write('minutes = [12, 25]', '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
});

test('a notebook turns itself off, and no text of it leaves the page', async ({
  page
}) => {
  writeFileSync(POLICY, '[courses.cs]\nfeatures = { edits = "force-off" }');
  const { editor, wire } = await opened(page);
  const item = statusItem(page);
  await expect(item).toHaveText(/ready/, { timeout: 90_000 });
  const setMetadata = (value: object) =>
    page.evaluate(value => {
      const { jupyterapp } = window as unknown as PolicyWindow;
      jupyterapp.shell.currentWidget.model.setMetadata('fastgen', value);
    }, value);
  await setMetadata({ enabled: false });
  await expect(item).toHaveText('Fastgen: off');
  await expect(item).toHaveAttribute('title', /metadata turns it off/);
  wire.clear();
  await editor.write('minutes = [12, 25]', '|');
  await editor.type('total = sum(minu');
  await editor.command('jupyter_fastgen:edit');
  await expect(page.getByText(/No edit: the notebook/).first()).toBeVisible();
  expect(wire.sent.map(({ message }) => message.type)).toEqual([]);
  await editor.write('%%fastgen\nsum the minutes|');
  await editor.run();
  const output = page.locator('.jp-OutputArea').first();
  await expect(output).toContainText('fastgen.enabled', { timeout: 60_000 });

  await setMetadata({ course: 'cs' });
  await expect(item).toHaveText(/ready/);
  await editor.write('minutes = [12, 25]', '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
  await editor.command('jupyter_fastgen:edit');
  await expect(page.getByText(/No edit: .*course cs/).first()).toBeVisible();
});

test('what is turned on goes before the settings, readable in all themes', async ({
  page
}) => {
  writeFileSync(
    POLICY,
    'everyone.features = { automatic = "force-on", next_cell = "force-off" }'
  );
  const { editor, wire } = await opened(page);
  await expect(statusItem(page)).toHaveText(/ready/, { timeout: 90_000 });
  await page.evaluate(async () => {
    const { jupyterapp } = window as unknown as PolicyWindow;
    await jupyterapp.serviceManager.settings.save(
      'jupyter_fastgen:plugin',
      '{"whileTyping": false, "suggestNextCell": true}'
    );
  });
  await openInLab(page, 'short.ipynb', server.address);
  await expect(statusItem(page)).toHaveText(/ready/, { timeout: 90_000 });
  wire.clear();
  await editor.write('minutes = [12, 25]', '|');
  await editor.type('total = sum(minu');
  await editor.anyGhost();
  expect(wire.asked('complete')[0].trigger).toBe('auto');
  for (const theme of THEMES) {
    await inTheme(editor, theme, async () => {
      const panel = await openPanel(page);
      const rules = panel.getByRole('region', {
        name: 'Not for you to decide'
      });
      await expect(rules).toContainText('Suggest while typing: on');
      await expect(rules).toContainText('Suggest the next cell: off');
      expect(
        await contrast(page, '.jp-fastgen-Panel-rules li')
      ).toBeGreaterThan(READABLE_TEXT);
      await closePanel(page);
    });
  }
});
