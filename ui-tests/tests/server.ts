import { ChildProcess, execFileSync, spawn } from 'child_process';

import { expect, request } from '@playwright/test';

const JUPYTER = process.env.FASTGEN_JUPYTER ?? '../.venv/bin/jupyter';

/** The port of the server that Playwright starts. */
const PORT = Number(process.env.FASTGEN_UI_PORT ?? '8899');

/** Process ids of the engines of the server that Playwright has started. */
export function engineProcesses(): number[] {
  const list = execFileSync(JUPYTER, ['server', 'list', '--jsonlist']);
  const servers: { port: number; pid: number }[] = JSON.parse(list.toString());
  const server = servers.find(({ port }) => port === PORT);
  expect(server, `the server on port ${PORT}`).toBeDefined();
  // Children of this very server: the machine may run others.
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  return processes
    .toString()
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(
      ([, parent, ...args]) =>
        Number(parent) === server!.pid &&
        args.includes('jupyter_fastgen.engine.child')
    )
    .map(([pid]) => Number(pid));
}

/** One more server, with an environment of its own. */
export class OtherServer {
  private constructor(
    readonly address: string,
    private readonly process: ChildProcess
  ) {}

  /** Start one and wait until it answers. */
  static async start(environment: NodeJS.ProcessEnv): Promise<OtherServer> {
    const port = PORT + 1;
    const started = spawn(
      JUPYTER,
      ['lab', '--allow-root', '--config', 'jupyter_server_test_config.py'],
      {
        env: { ...process.env, ...environment, FASTGEN_UI_PORT: `${port}` },
        stdio: 'ignore'
      }
    );
    const server = new OtherServer(`http://127.0.0.1:${port}`, started);
    const client = await request.newContext();
    await expect
      .poll(
        async () => {
          const answer = client.get(`${server.address}/api`);
          return answer.then(response => response.ok()).catch(() => false);
        },
        { message: 'the other server answers', timeout: 60_000 }
      )
      .toBe(true);
    await client.dispose();
    return server;
  }

  /** End it and wait until it is gone. */
  async stop(): Promise<void> {
    const gone = new Promise(resolve => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await gone;
  }
}
