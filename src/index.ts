import { clientPlugin } from './client/plugin';
import { diffPlugin } from './diff/plugin';
import { inlinePlugin } from './inline/plugin';
import { magicPlugin } from './magic/plugin';
import { statusPlugin } from './status/plugin';

export * from './tokens';

export default [
  clientPlugin,
  inlinePlugin,
  diffPlugin,
  magicPlugin,
  statusPlugin
];
