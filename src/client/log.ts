import type { DoneReason, ICounts, Trigger } from './protocol';

/** Requests remembered: as many as a person can look through. */
const KEPT = 20;

/** What became of one request for a suggestion, or why none was made. */
export interface IRecord {
  /** When, in milliseconds since the epoch. */
  readonly time: number;
  readonly trigger: Trigger;
  /** `running`, how the job ended, or `skipped` if none was started. */
  readonly result: DoneReason | 'running' | 'skipped';
  /** Why nothing or less was shown, for the person; may be ''. */
  readonly why: string;
  /** Milliseconds from the request to its first text, seen from the browser. */
  readonly firstMs: number | null;
  readonly counts: ICounts | null;
  /** How many alike in a row this stands for. */
  readonly times: number;
}

/** The last requests, newest first. No text of a document is in it, but for a name that a check objects to. */
export class RequestLog {
  /** @param changed - called after each change */
  constructor(private readonly changed: () => void) {}

  /** The records, newest first. */
  get records(): readonly IRecord[] {
    return this._records;
  }

  /** The latest known time to first text, or `null`. */
  get lastFirstMs(): number | null {
    return this._records.find(r => r.firstMs !== null)?.firstMs ?? null;
  }

  /** Starts a record and gives a function that replaces parts of it. */
  start(trigger: Trigger): (part: Partial<IRecord>) => void {
    let record = this._push({ trigger, result: 'running' });
    return part => {
      const index = this._records.indexOf(record);
      record = { ...record, ...part };
      if (index >= 0) {
        this._records[index] = record;
        this.changed();
      }
    };
  }

  /** Notes that no request was made, and why; alike ones in a row become one. */
  skip(trigger: Trigger, why: string): void {
    const last = this._records[0];
    if (last?.result === 'skipped' && last.why === why) {
      this._records[0] = { ...last, time: Date.now(), times: last.times + 1 };
      this.changed();
    } else {
      this._push({ trigger, result: 'skipped', why });
    }
  }

  private _push(part: Pick<IRecord, 'trigger' | 'result'> & Partial<IRecord>) {
    const record: IRecord = {
      time: Date.now(),
      why: '',
      firstMs: null,
      counts: null,
      times: 1,
      ...part
    };
    this._records.unshift(record);
    this._records.length = Math.min(KEPT, this._records.length);
    this.changed();
    return record;
  }

  private readonly _records: IRecord[] = [];
}
