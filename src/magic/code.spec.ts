import { forceParsing } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { CodePane } from './code';
import { languages } from './testing';

/** Code that comes at once: a thirtieth of a second's worth. */
const PIECE = 'value = compute("text", 12)\n';

const PIECES = 10;

/**
 * What it costs to append to a pane that holds so many lines: nodes that are
 * made, and places where the parser reads, of one piece and of the whole text.
 */
async function costs(lines: number) {
  const registry = languages();
  const { parser } = (await registry.getLanguage('python'))!.support!.language;
  const { createParse } = Object.getPrototypeOf(parser) as typeof parser;
  let places = new Set<number>();
  jest.spyOn(parser, 'createParse').mockImplementation((input, ...rest) => {
    const { chunk } = input;
    input.chunk = from => {
      places.add(from);
      return chunk.call(input, from);
    };
    return createParse.call(parser, input, ...rest);
  });
  const pane = new CodePane(registry, 'Code');
  document.body.append(pane.node);
  await pane.colour('python');
  pane.set(PIECE.repeat(lines));
  const view = EditorView.findFromDOM(
    pane.node.firstElementChild as HTMLElement
  )!;
  forceParsing(view, view.state.doc.length, 10_000);
  const whole = places.size;

  const observer = new MutationObserver(() => {});
  observer.observe(pane.node, { childList: true, subtree: true });
  let piece = 0;
  for (let times = 0; times < PIECES; times++) {
    places = new Set();
    pane.append(PIECE);
    piece = Math.max(piece, places.size);
  }
  const nodes = observer
    .takeRecords()
    .reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
  jest.restoreAllMocks();
  pane.dispose();
  return { nodes, piece, whole };
}

it('costs the same for each piece, however much there is', async () => {
  const short = await costs(30);
  const long = await costs(3000);
  expect(short.nodes).toBeGreaterThan(0);
  expect(long.nodes).toBeLessThanOrEqual(short.nodes);
  expect(long.whole).toBeGreaterThan(50 * short.whole);
  expect(long.piece).toBeLessThan(long.whole / 10);
});

it('is coloured as code of its language, and plain where that is not known', async () => {
  const pane = new CodePane(languages(), 'Code');
  document.body.append(pane.node);
  pane.set('def f(): pass');
  await pane.colour('no such language');
  expect(pane.node.querySelector('.cm-line span')).toBeNull();
  await pane.colour('python');
  forceParsing(
    EditorView.findFromDOM(pane.node.firstElementChild as HTMLElement)!
  );
  expect(pane.node.querySelector('.cm-line span')!.textContent).toBe('def');
});
