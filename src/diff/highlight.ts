import { highlightingFor, language } from '@codemirror/language';
import type { EditorState } from '@codemirror/state';
import { highlightTree } from '@lezer/highlight';
import type { IRange } from './words';

/** UTF-16 units that are highlighted at most: parsing more would be felt. */
const MOST = 20_000;

/** A piece of text and the classes it is drawn with. */
export interface IPiece {
  readonly text: string;
  readonly classes: string;
}

/**
 * The lines of `text` in pieces, coloured as the editor colours its own text.
 *
 * @param marked - ranges that get `markClass` as well, in order
 */
export function highlightLines(
  text: string,
  state: EditorState,
  marked: readonly IRange[],
  markClass: string
): IPiece[][] {
  const styles: (IRange & { readonly classes: string })[] = [];
  const parser = text.length <= MOST && state.facet(language)?.parser;
  if (parser) {
    const style = { style: highlighter(state) };
    highlightTree(parser.parse(text), style, (from, to, classes) =>
      styles.push({ from, to, classes })
    );
  }
  const cuts = new Set([0, text.length]);
  [...styles, ...marked].forEach(({ from, to }) => cuts.add(from).add(to));
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    cuts.add(at).add(at + 1);
  }
  const places = [...cuts].sort((a, b) => a - b);
  const lines: IPiece[][] = [[]];
  places.slice(1).forEach((to, index) => {
    const from = places[index];
    const piece = text.slice(from, to);
    if (piece === '\n') {
      lines.push([]);
    } else {
      const holds = (range: IRange) => range.from <= from && to <= range.to;
      const classes = styles.filter(holds).map(({ classes }) => classes);
      if (marked.some(holds)) {
        classes.push(markClass);
      }
      lines[lines.length - 1].push({ text: piece, classes: classes.join(' ') });
    }
  });
  return lines;
}

function highlighter(state: EditorState) {
  return (tags: Parameters<typeof highlightingFor>[1]) =>
    highlightingFor(state, tags);
}

/** Lines in pieces as nodes. */
export function linesOf(
  lines: readonly (readonly IPiece[])[],
  lineClass: string
): HTMLElement[] {
  return lines.map(pieces => {
    const line = document.createElement('div');
    line.className = lineClass;
    for (const { text, classes } of pieces) {
      const span = document.createElement('span');
      span.className = classes;
      span.textContent = text;
      line.append(span);
    }
    return line;
  });
}
