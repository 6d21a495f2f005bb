/** Lines of a traceback that the model reads at most: the deepest frames are last. */
const MOST_LINES = 40;

/** Where IPython says that a cell was, in the forms of its versions since 7. */
const FRAME =
  /(?:Cell In\s*\[(\d+)\]|Input In \[(\d+)\]|<ipython-input-(\d+)-\w+>)/g;

/** A traceback as a model should read it: its end, without colours. */
export function cleanTraceback(lines: readonly string[]): string {
  const text = lines.join('\n').replace(
    // eslint-disable-next-line no-control-regex
    /\x1b\[[0-9;]*[A-Za-z]/g,
    ''
  );
  return text.split('\n').slice(-MOST_LINES).join('\n').trim();
}

/** The execution number of the deepest cell in a clean traceback, `null` if none is told. */
export function deepestCell(traceback: string): number | null {
  const last = [...traceback.matchAll(FRAME)].pop();
  return last ? Number(last[1] ?? last[2] ?? last[3]) : null;
}
