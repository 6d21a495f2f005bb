import { defineConfig } from '@playwright/test';

const port = process.env.FASTGEN_UI_PORT ?? '8899';

export default defineConfig({
  testDir: 'tests',
  // One model and two cores: tests take turns.
  workers: 1,
  fullyParallel: false,
  // An engine beside busy processes needs its time; a test waits no longer than it must.
  timeout: 180_000,
  expect: { timeout: 15_000 },
  forbidOnly: !!process.env.CI,
  reporter: [['list']],
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    viewport: { width: 1280, height: 800 },
    // Both need programs that come with Playwright's own browsers.
    video: 'off',
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH || undefined,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking'
      ]
    }
  },
  webServer: {
    command: `${process.env.FASTGEN_JUPYTER ?? '../.venv/bin/jupyter'} lab --allow-root --config jupyter_server_test_config.py`,
    url: `http://127.0.0.1:${port}/api`,
    timeout: 120_000,
    reuseExistingServer: false,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
    stdout: process.env.FASTGEN_UI_LOG ? 'pipe' : 'ignore',
    stderr: process.env.FASTGEN_UI_LOG ? 'pipe' : 'ignore'
  }
});
