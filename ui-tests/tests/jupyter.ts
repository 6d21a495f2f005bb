import { expect, Page } from '@playwright/test';

const TOKEN = 'fastgen-ui-tests';

/** Open a notebook of `ui-tests/notebooks` in JupyterLab. */
export async function openInLab(page: Page, notebook: string): Promise<void> {
  // A workspace of its own, so that no test inherits the tabs of another.
  const workspace = `test-${Date.now()}`;
  await page.goto(
    `/lab/workspaces/${workspace}/tree/${notebook}?token=${TOKEN}&reset`
  );
  await expectNotebook(page);
}

/** Open a notebook of `ui-tests/notebooks` in Notebook 7. */
export async function openInNotebook(
  page: Page,
  notebook: string
): Promise<void> {
  await page.goto(`/notebooks/${notebook}?token=${TOKEN}`);
  await expectNotebook(page);
}

/** The names of the browser extensions that the page has loaded. */
export async function loadedExtensions(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const data = document.getElementById('jupyter-config-data');
    const config = JSON.parse(data?.textContent ?? '{}');
    const extensions: { name: string }[] = config.federated_extensions ?? [];
    return extensions.map(extension => extension.name);
  });
}

async function expectNotebook(page: Page): Promise<void> {
  await expect(
    page.locator('.jp-Notebook .jp-CodeCell .cm-content').first()
  ).toBeVisible({ timeout: 60_000 });
}
