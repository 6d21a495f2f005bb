import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

/** Placeholder that makes the extension load; features register here. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter_fastgen:plugin',
  description: 'Ghost text from a model on your own machine.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd) => undefined
};

export default plugin;
