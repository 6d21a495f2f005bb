import { clientPlugin } from './client/plugin';
import { inlinePlugin } from './inline/plugin';
import { statusPlugin } from './status/plugin';

export * from './tokens';

export default [clientPlugin, inlinePlugin, statusPlugin];
