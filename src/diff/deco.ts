import { EditorState, Range, Text } from '@codemirror/state';
import { Decoration } from '@codemirror/view';
import type { IHunkActions } from './controls';
import type { ILinesHunk } from './hunk';
import { HunkWidget } from './hunkwidget';
import type { IDrawing } from './state';
import type { IPosition } from './texts';
import { IWordChanges, wordChanges } from './words';

const REMOVED = Decoration.line({ class: 'jp-fastgen-mod-removed' });
const STRUCK = Decoration.mark({ class: 'jp-fastgen-mod-struck' });
const REMOVED_WORD = Decoration.mark({ class: 'jp-fastgen-mod-removedWord' });

/** Bars drawn at once: more than a screen holds would only cost time. */
const MOST_BARS = 200;

/** A hunk to be drawn. */
export interface IPlacedHunk {
  readonly hunk: ILinesHunk;
  readonly position: IPosition;
  readonly isCurrent: boolean;
}

/** Lines [start, end) that are being rewritten. */
export interface IWaiting {
  readonly start: number;
  readonly end: number;
}

/** What an editor with this text shows: hunks, and skeletons of lines to come. */
export function drawingOf(
  state: EditorState,
  hunks: readonly IPlacedHunk[],
  waiting: IWaiting | null,
  actions: IHunkActions
): IDrawing {
  const { doc } = state;
  const ranges = hunks.flatMap(placed => hunkRanges(doc, placed, actions));
  if (waiting) {
    ranges.push(...skeleton(doc, waiting));
  }
  return {
    decorations: Decoration.set(ranges, true),
    hasHunks: hunks.length > 0
  };
}

function lineAt(doc: Text, line: number) {
  return doc.line(Math.max(1, Math.min(line + 1, doc.lines)));
}

/** The words that change in a hunk, found once: it is drawn at every key. */
function wordsOf(hunk: ILinesHunk): IWordChanges {
  const { old, fresh } = hunk;
  if (old.length === 0 || fresh.length === 0) {
    return { removed: [], added: [] };
  }
  const changes =
    wordsIn.get(hunk) ?? wordChanges(old.join('\n'), fresh.join('\n'));
  wordsIn.set(hunk, changes);
  return changes;
}

const wordsIn = new WeakMap<ILinesHunk, IWordChanges>();

function hunkRanges(
  doc: Text,
  { hunk, position, isCurrent }: IPlacedHunk,
  actions: IHunkActions
): Range<Decoration>[] {
  const { start, old } = hunk;
  const { removed, added } = wordsOf(hunk);
  const shown = { hunk, position, isCurrent, added };
  const widget = new HunkWidget(shown, actions);
  if (old.length === 0) {
    const isLast = start >= doc.lines;
    const at = isLast ? doc.length : lineAt(doc, start).from;
    const side = isLast ? 1 : -1;
    return [Decoration.widget({ widget, block: true, side }).range(at)];
  }
  // Behind a byte order mark.
  const from = lineAt(doc, start).to - old[0].length;
  const last = lineAt(doc, start + old.length - 1);
  const ranges: Range<Decoration>[] = [];
  old.forEach((_, index) => {
    const line = lineAt(doc, start + index);
    const indent = line.text.length - line.text.trimStart().length;
    ranges.push(REMOVED.range(line.from));
    if (indent < line.length) {
      ranges.push(STRUCK.range(line.from + indent, line.to));
    }
  });
  for (const word of removed) {
    ranges.push(REMOVED_WORD.range(from + word.from, from + word.to));
  }
  ranges.push(
    Decoration.widget({ widget, block: true, side: 1 }).range(last.to)
  );
  return ranges;
}

/** Bars where lines are being rewritten, as wide as these are now. */
function skeleton(doc: Text, { start, end }: IWaiting): Range<Decoration>[] {
  const ranges: Range<Decoration>[] = [];
  const last = Math.min(end, doc.lines, start + MOST_BARS);
  for (let line = start; line < last; line++) {
    const { from, text } = lineAt(doc, line);
    const width = text.trim().length;
    if (width > 0) {
      const indent = text.length - text.trimStart().length;
      const style = `--jp-fastgen-indent: ${indent}ch; --jp-fastgen-width: ${width}ch`;
      ranges.push(
        Decoration.line({
          class: 'jp-fastgen-mod-waiting',
          attributes: { style }
        }).range(from)
      );
    }
  }
  return ranges;
}
