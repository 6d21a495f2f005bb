import { APIRequestContext, expect, Page } from '@playwright/test';

const TOKEN = 'fastgen-ui-tests';

/** Lets requests through without the cookie of a page. */
const AUTHORIZED = { Authorization: `token ${TOKEN}` };

/** Ids of the settings that the tests change. */
export const SETTINGS = {
  fastgen: 'jupyter_fastgen:plugin',
  completer: '@jupyterlab/completer-extension:inline-completer',
  notebook: '@jupyterlab/notebook-extension:tracker'
};

/** The model of these tests, as the status names it. */
export const MODEL = 'qwen2.5-coder-0.5b';

/** One cell of a notebook to be written. */
export interface CellText {
  type: 'code' | 'markdown' | 'raw';
  source: string;
}

/** Open a notebook in JupyterLab. `server` is the address of another server. */
export async function openInLab(
  page: Page,
  notebook: string,
  server = ''
): Promise<void> {
  // A workspace of its own, so that no test inherits the tabs of another.
  const workspace = `test-${Date.now()}`;
  await page.goto(
    `${server}/lab/workspaces/${workspace}/tree/${notebook}?token=${TOKEN}&reset`
  );
  await expectNotebook(page);
}

/** Open a notebook in Notebook 7. */
export async function openInNotebook(
  page: Page,
  notebook: string
): Promise<void> {
  await page.goto(`/notebooks/${notebook}?token=${TOKEN}`);
  await expectNotebook(page);
}

/** Save a notebook of these cells on the server. */
export async function saveNotebook(
  request: APIRequestContext,
  path: string,
  cells: CellText[]
): Promise<void> {
  const content = {
    cells: cells.map(({ type, source }, index) => ({
      cell_type: type,
      id: `cell-${index}`,
      metadata: {},
      source,
      ...(type === 'code' && { execution_count: null, outputs: [] })
    })),
    metadata: {
      kernelspec: {
        display_name: 'Python 3 (ipykernel)',
        language: 'python',
        name: 'python3'
      },
      language_info: { name: 'python' }
    },
    nbformat: 4,
    nbformat_minor: 5
  };
  await put(request, `/api/contents/${path}`, {
    type: 'notebook',
    format: 'json',
    content
  });
}

/** The texts of the cells of a notebook as it is saved on the server. */
export async function savedCells(
  request: APIRequestContext,
  path: string
): Promise<string[]> {
  const answer = await request.get(`/api/contents/${path}`, {
    headers: AUTHORIZED
  });
  const { content } = await answer.json();
  return content.cells.map(({ source }: { source: string }) => source);
}

/** Save a text file on the server. */
export async function saveFile(
  request: APIRequestContext,
  path: string,
  content: string
): Promise<void> {
  await put(request, `/api/contents/${path}`, {
    type: 'file',
    format: 'text',
    content
  });
}

/** Write the settings `id`; pages that are open keep theirs until reloaded. */
export async function saveSettings(
  request: APIRequestContext,
  id: string,
  values: object
): Promise<void> {
  await put(request, `/lab/api/settings/${id}`, {
    raw: JSON.stringify(values)
  });
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

async function put(
  request: APIRequestContext,
  path: string,
  data: object
): Promise<void> {
  const response = await request.put(path, { data, headers: AUTHORIZED });
  expect(response.ok(), `${path}: ${await response.text()}`).toBe(true);
}

export async function expectNotebook(page: Page): Promise<void> {
  await expect(
    page.locator('.jp-Notebook .jp-CodeCell .cm-content').first()
  ).toBeVisible({ timeout: 60_000 });
}
