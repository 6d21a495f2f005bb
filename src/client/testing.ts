import { NO_HUNK } from './frames';
import type { IHunk } from './protocol';

/** Makes hunks of a cell, as the server sends them; what is left out has its default. */
export function hunksIn(cell: string) {
  return (hunk: Partial<IHunk>): IHunk => ({ ...NO_HUNK, cell, ...hunk });
}
