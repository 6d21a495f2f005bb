/** Where the person's browser keeps what they asked for. */
const KEY = 'jupyter_fastgen:instructions';

/** As many as a person goes through with the arrow keys. */
const KEPT = 50;

/** What the person asked for, kept in their browser, to be asked again. */
export class InstructionHistory {
  /** @param storage - of the browser, for this person */
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'>) {}

  /** The instructions, newest first. */
  get all(): readonly string[] {
    try {
      const kept: unknown = JSON.parse(this.storage.getItem(KEY) ?? '[]');
      return Array.isArray(kept) ? kept.filter(x => typeof x === 'string') : [];
    } catch {
      return [];
    }
  }

  /** Notes an instruction; one that was given before comes to the front. */
  add(instruction: string): void {
    const others = this.all.filter(known => known !== instruction);
    const kept = [instruction, ...others].slice(0, KEPT);
    try {
      this.storage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // A browser that keeps nothing has no history.
    }
  }
}
