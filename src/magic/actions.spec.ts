import { Answer, Order } from './answer';
import { alone, notebook } from './testing';

const CALL = '%%fastgen\nsort the rides';

/** The place of an answer of the first cell. */
function placed({ panel, actions }: Awaited<ReturnType<typeof notebook>>) {
  return actions.placeOf(panel.content.widgets[0].node.firstChild!)!;
}

it('finds the cell that holds a node, and none where nothing may change', async () => {
  const made = await notebook(CALL, 'a = 1');
  const { panel, actions, tracker } = made;
  const cell = panel.content.widgets[1];
  expect(actions.placeOf(cell.node.firstChild!)).toEqual({ panel, cell });
  expect(actions.placeOf(document.createElement('div'))).toBeNull();
  expect(alone().placeOf(cell.node)).toBeNull();
  panel.content.model!.readOnly = true;
  expect(alone(tracker).placeOf(cell.node)).toBeNull();
});

it('inserts below the cell, wherever that has gone, in one step', async () => {
  const made = await notebook(CALL, 'a = 1', 'b = 2');
  const { panel, actions, texts, undo } = made;
  const place = placed(made);
  panel.content.model!.sharedModel.moveCell(1, 0);
  await actions.insert(place, 'c = 3');
  expect(texts()).toEqual(['a = 1', CALL, 'c = 3', 'b = 2']);
  expect(panel.content.activeCellIndex).toBe(2);
  undo();
  expect(texts()).toEqual(['a = 1', CALL, 'b = 2']);
});

it('does not insert what is below already', async () => {
  const made = await notebook(CALL, 'a = 1');
  await made.actions.insert(placed(made), 'a = 1');
  expect(made.texts()).toEqual([CALL, 'a = 1']);
  expect(made.panel.content.activeCellIndex).toBe(1);
});

it('replaces a cell that is the call only, in one step', async () => {
  for (const call of [CALL, '%fastgen fix\n', '\n%%fastgen --seed 3\nsort']) {
    const made = await notebook(call, 'a = 1');
    const { actions, texts, asked, panel } = made;
    actions.replace(placed(made), 'c = 3');
    expect(texts()).toEqual(['c = 3', 'a = 1']);
    expect(asked).toEqual([]);
    panel.content.widgets[0].model.sharedModel.undo();
    expect(texts()).toEqual([call, 'a = 1']);
  }
});

it('shows what would change in a cell that holds other code, or has changed since it ran', async () => {
  for (const source of ['import csv\n%fastgen fix', '%fastgen fix\na = 1']) {
    const made = await notebook(source);
    made.actions.replace(placed(made), 'c = 3');
    expect(made.texts()).toEqual([source]);
    expect(made.asked).toEqual([['compare', 'c0', 'c = 3']]);
  }
  const made = await notebook(CALL);
  made.panel.content.widgets[0].model.sharedModel.setSource(`${CALL} by name`);
  made.actions.replace(placed(made), 'c = 3');
  expect(made.texts()).toEqual([`${CALL} by name`]);
  expect(made.asked).toEqual([['compare', 'c0', 'c = 3']]);
});

it('compares with the cell below, if that is code that may change', async () => {
  const made = await notebook(CALL, 'a = 1');
  const { panel, actions, asked } = made;
  const place = placed(made);
  expect(actions.canCompare(place)).toBe(true);
  actions.compare(place, 'a = 2');
  expect(asked).toEqual([['compare', 'c1', 'a = 2']]);
  panel.content.widgets[1].model.setMetadata('editable', false);
  expect(actions.canCompare(place)).toBe(false);
  expect(actions.canEdit(place, 'c1')).toBe(false);
  const last = { panel, cell: panel.content.widgets[1] };
  expect(actions.canCompare(last)).toBe(false);
});

it('changes nothing that is there without the review', async () => {
  const made = await notebook(CALL, 'a = 1');
  const place = placed(made);
  const actions = alone(made.tracker);
  expect([actions.canReplace(place), actions.canCompare(place)]).toEqual([
    false,
    false
  ]);
});

it('ends an answer at the kernel, and at the server that knows of it', async () => {
  const { actions, asked } = await notebook(CALL);
  const told: Order[] = [];
  const running = (job: string) =>
    new Answer({ phase: 'writing', job }, '', order => told.push(order));
  await actions.stop(running('j1'));
  await actions.stop(running(''));
  expect(told).toEqual([{ do: 'stop' }, { do: 'stop' }]);
  expect(asked).toEqual([['stop', 'j1']]);
});
