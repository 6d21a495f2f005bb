import { RequestLog } from './log';

describe('RequestLog', () => {
  it('keeps the last 20, newest first', () => {
    const log = new RequestLog(() => {});
    for (let index = 0; index < 30; index++) {
      log.start('auto')({ result: 'stop', why: `${index}` });
    }
    expect(log.records).toHaveLength(20);
    expect(log.records[0].why).toBe('29');
  });

  it('lets a record that was dropped change without harm', () => {
    const log = new RequestLog(() => {});
    const note = log.start('auto');
    for (let index = 0; index < 20; index++) {
      log.start('auto');
    }
    note({ result: 'stop' });
    expect(log.records.every(({ result }) => result === 'running')).toBe(true);
  });

  it('counts alike refusals in a row as one', () => {
    const log = new RequestLog(() => {});
    log.skip('auto', 'a');
    log.skip('auto', 'a');
    log.skip('auto', 'b');
    expect(log.records.map(({ why, times }) => [why, times])).toEqual([
      ['b', 1],
      ['a', 2]
    ]);
  });

  it('knows the last time to first text', () => {
    const log = new RequestLog(() => {});
    expect(log.lastFirstMs).toBeNull();
    log.start('auto')({ firstMs: 60 });
    log.skip('auto', 'a');
    expect(log.lastFirstMs).toBe(60);
  });
});
