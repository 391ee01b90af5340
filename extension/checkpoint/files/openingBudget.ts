/**
 * What opening one checkpoint may cost. A few kilobytes can ask for any amount of time and memory: deflated records grow a
 * thousandfold, and each byte of a pickle can be an instruction that makes an object. So everything that a file can ask
 * for more cheaply than it costs is paid from one budget, whichever record it comes from. Costs are counted, not timed:
 * a file that opens on one machine opens on all.
 */
import { CheckpointError } from '../checkpointError';

/** Instructions and places looked at: 1 to 2 s at 30 to 60 ns each. `torch.save` of 100 000 tensors takes 9 million. */
const MAX_STEPS = 30_000_000;

/** Bytes of memory: with what is not collected yet, 256 MB at most. `torch.save` of 100 000 tensors takes about 240 MB. */
const MAX_BYTES = 192 * 1024 * 1024;

/**
 * What is stored as it is brings memory for itself: `torch.save` of a model with its optimizer's state writes 94 bytes a
 * tensor, which take 2.7 kB: a checkpoint of 190 000 tensors opened only in part at 10. Bounded as well.
 */
const BYTES_PER_STORED_BYTE = 20;
const MAX_BROUGHT_BYTES = 512 * 1024 * 1024;

/** What values take in memory, in bytes: V8's own sizes, rounded up. */
export const COST = {
  /** A list, a tuple or an object with its holder, without the items. */
  container: 96,
  item: 8,
  /** A key and its value in a map. */
  pair: 48,
  /** A text, without its characters. */
  text: 24,
  /** A buffer of its own, without its bytes. */
  buffer: 300,
  /** An integer beyond 2⁵³ or a floating-point number. */
  number: 24,
  /** A number under which a value is remembered; twice as much where it is not the next one. */
  slot: 24,
  /** A tensor with the names, shapes and places that the rest of the program keeps of it. */
  tensor: 1000,
} as const;

/** Steps that listing one tensor takes: finding its place, and others at the same one. */
const TENSOR_STEPS = 20;

export class OpeningBudget {
  private steps = MAX_STEPS;
  private bytes = MAX_BYTES;
  private brought = 0;

  /** @param file for errors */
  constructor(private readonly file: string) {}

  /** Counts bytes of the file that are there as they are read, not inflated from fewer. */
  bring(storedBytes: number): void {
    const more = Math.min(storedBytes * BYTES_PER_STORED_BYTE, MAX_BROUGHT_BYTES - this.brought);
    this.brought += more;
    this.bytes += more;
  }

  /** Time. @throws CheckpointError `limit` once everything is spent */
  step(count = 1): void {
    this.steps -= count;
    if (this.steps < 0) throw this.spent(`more than ${MAX_STEPS} steps`);
  }

  /** Memory. @throws CheckpointError `limit` once everything is spent */
  take(bytes: number): void {
    this.bytes -= bytes;
    if (this.bytes < 0) throw this.spent(`more than ${MAX_BYTES + this.brought} bytes of memory`);
  }

  get stepsLeft(): number {
    return this.steps;
  }

  /** Bytes of memory. */
  get left(): number {
    return this.bytes;
  }

  /** Memory that was taken and is let go of. */
  giveBack(bytes: number): void {
    this.bytes += bytes;
  }

  container(items: number): void {
    this.take(COST.container + items * COST.item);
  }

  /** @param characters of its names @param axes of its shape and strides */
  tensor(characters: number, axes: number): void {
    this.step(TENSOR_STEPS);
    this.take(COST.tensor + 2 * characters + 4 * axes * COST.item);
  }

  private spent(what: string): CheckpointError {
    const message = `takes ${what} to open, which no known checkpoint needs, and may be built to exhaust this computer`;
    return new CheckpointError('limit', message, { file: this.file });
  }
}
