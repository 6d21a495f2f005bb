/**
 * The messages between browser and server, the mirror of the server's `protocol/`.
 *
 * They are JSON text frames on one websocket, told apart by `type`. Offsets
 * count Unicode code points. Fields with a default may be absent on the wire;
 * `frames.ts` fills them in.
 */

export type * from './browser';
export type * from './cells';
export type * from './server';

/** Both sides must agree on it; the server refuses another in `hello`. */
export const VERSION = 1;
