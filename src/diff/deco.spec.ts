import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { nullTranslator } from '@jupyterlab/translation';
import type { IHunkActions } from './controls';
import { drawingOf, IWaiting } from './deco';
import type { ILinesHunk } from './hunk';
import { drawingField, isReviewing, setDrawing } from './state';

const TEXT = 'import math\n\ndef area(r):\n    return 3.14 * r\n';

// jsdom has no layout, which the editor asks for.
beforeAll(() => {
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
});

function hunk(part: Partial<ILinesHunk>): ILinesHunk {
  return {
    kind: 'lines',
    cell: 'c',
    label: '',
    reasons: [],
    isProvisional: false,
    status: 'pending',
    step: 0,
    old: [],
    fresh: [],
    eol: '\n',
    start: 0,
    ...part
  };
}

const CHANGED = hunk({
  start: 3,
  label: 'def area',
  old: ['    return 3.14 * r'],
  fresh: ['    return math.pi * r', '    # done']
});

function show(hunks: ILinesHunk[], current = hunks[0], waiting?: IWaiting) {
  const done: string[] = [];
  const actions: IHunkActions = {
    accept: hunk => done.push(`accept ${hunk.label}`),
    reject: hunk => done.push(`reject ${hunk.label}`),
    acceptKeeping: hunk => done.push(`keep ${hunk.label}`),
    keysOf: () => '',
    trans: nullTranslator.load('')
  };
  const view = new EditorView({
    state: EditorState.create({ doc: TEXT, extensions: drawingField }),
    parent: document.body
  });
  const draw = (hunks: ILinesHunk[], current: ILinesHunk | undefined) => {
    const placed = hunks.map((hunk, index) => ({
      hunk,
      position: { number: index + 1, count: hunks.length },
      isCurrent: hunk === current
    }));
    const drawing = drawingOf(view.state, placed, waiting ?? null, actions);
    view.dispatch({ effects: setDrawing.of(drawing) });
  };
  draw(hunks, current);
  const texts = (selector: string) =>
    [...view.dom.querySelectorAll(selector)].map(node => node.textContent);
  return { view, texts, draw, done };
}

it('shows what goes and what comes, and leaves the text alone', () => {
  const { view, texts } = show([CHANGED]);
  expect(view.state.doc.toString()).toBe(TEXT);
  expect(texts('.cm-line.jp-fastgen-mod-removed')).toEqual(CHANGED.old);
  expect(texts('.jp-fastgen-Hunk-line')).toEqual(CHANGED.fresh);
  expect(texts('.jp-fastgen-mod-removedWord').join('')).toBe('3.14');
  expect(texts('.jp-fastgen-mod-addedWord').join('')).toContain('math.pi');
  expect(isReviewing(view.state)).toBe(true);
});

it.each([
  ['before a line', 2, 'import math||NEW|def area(r):|    return 3.14 * r|'],
  ['at the end', 4, 'import math||def area(r):|    return 3.14 * r|NEW|'],
  ['at the top', 0, 'NEW|import math||def area(r):|    return 3.14 * r|']
])('shows lines that come %s', (_, start, expected) => {
  const { view } = show([hunk({ start, fresh: ['NEW'] })]);
  const lines = [
    ...view.dom.querySelectorAll('.cm-line, .jp-fastgen-Hunk-line')
  ];
  expect(lines.map(line => line.textContent).join('|')).toBe(expected);
});

it('has real buttons, which say all of the change', () => {
  const doubtful = hunk({
    start: 0,
    label: 'import',
    old: ['import math'],
    reasons: ['Much is removed.']
  });
  const { view, done } = show([CHANGED, doubtful]);
  const buttons = [...view.dom.querySelectorAll('button')];
  expect(buttons.map(button => button.getAttribute('aria-label'))).toEqual([
    'Accept. Change 2 of 2, import, line 1: 1 line removed; needs a look: Much is removed.',
    'Reject. Change 2 of 2, import, line 1: 1 line removed; needs a look: Much is removed.',
    'Accept. Change 1 of 2, def area, line 4: 1 line removed, 2 lines added',
    'Reject. Change 1 of 2, def area, line 4: 1 line removed, 2 lines added'
  ]);
  buttons[2].click();
  buttons[1].click();
  expect(done).toEqual(['accept def area', 'reject import']);
});

it('has no buttons for what may yet change', () => {
  const { view } = show([{ ...CHANGED, isProvisional: true }]);
  expect(view.dom.querySelectorAll('button')).toHaveLength(0);
});

it('keeps a button, and its focus, while other changes come and go', () => {
  const first = hunk({ start: 0, fresh: ['# new'] });
  const { view, draw } = show([first, CHANGED], CHANGED);
  const find = () =>
    view.dom.querySelector<HTMLElement>(
      '.jp-fastgen-mod-current [data-action="accept"]'
    )!;
  const button = find();
  draw([CHANGED], CHANGED);
  expect(find()).toBe(button);
  expect(button.getAttribute('aria-label')).toContain('Change 1 of 1');
});

it('says where a change stands once lines above it have come', () => {
  const { view, draw } = show([CHANGED]);
  view.dispatch({ changes: { from: 0, insert: '\n' } });
  const moved = Object.assign(CHANGED, { start: 4 });
  draw([moved], moved);
  const labels = [...view.dom.querySelectorAll('button')].map(button =>
    button.getAttribute('aria-label')
  );
  Object.assign(CHANGED, { start: 3 });
  expect(labels[0]).toContain('line 5');
});

it('marks the words of a line behind a byte order mark', () => {
  const first = hunk({ old: ['import math'], fresh: ['import maths'] });
  const { view, texts, draw } = show([]);
  view.dispatch({ changes: { from: 0, insert: '\ufeff' } });
  draw([first], first);
  expect(texts('.jp-fastgen-mod-removedWord')).toEqual(['math']);
});

it('draws lines that are being rewritten in their shape', () => {
  const { view } = show([], undefined, { start: 2, end: 4 });
  const bars = view.dom.querySelectorAll<HTMLElement>(
    '.jp-fastgen-mod-waiting'
  );
  expect([...bars].map(bar => bar.getAttribute('style'))).toEqual([
    '--jp-fastgen-indent: 0ch; --jp-fastgen-width: 12ch;',
    '--jp-fastgen-indent: 4ch; --jp-fastgen-width: 15ch;'
  ]);
  expect(isReviewing(view.state)).toBe(false);
});
