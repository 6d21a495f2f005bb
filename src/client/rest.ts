import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { toStatus } from './frames';
import type { IStatus } from './protocol';

/** What a person can ask of the server: `forget` what it learned of them. */
export type EngineAction = 'download' | 'restart' | 'forget';

async function request(
  settings: ServerConnection.ISettings,
  path: string,
  init: RequestInit = {}
): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, 'jupyter-fastgen', path);
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return response;
}

/** The engine's state, asked once. Rejects if the server cannot say. */
export async function fetchStatus(
  settings: ServerConnection.ISettings
): Promise<IStatus> {
  const response = await request(settings, 'status');
  return toStatus(await response.json());
}

/** Ends an answer that a kernel has asked for; nothing happens if it has ended. */
export async function postStop(
  settings: ServerConnection.ISettings,
  job: string
): Promise<void> {
  await request(settings, 'stop', {
    method: 'POST',
    body: JSON.stringify({ job })
  });
}

/** Starts an action; its progress comes as `status` messages. */
export async function postAction(
  settings: ServerConnection.ISettings,
  action: EngineAction
): Promise<void> {
  await request(settings, 'action', {
    method: 'POST',
    body: JSON.stringify({ action })
  });
}
