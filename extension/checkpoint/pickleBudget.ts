/** What a pickle may make us allocate. */
import { CheckpointError } from './checkpoint';

/**
 * What reading may cost in units of about 8 bytes of memory. A checkpoint of 100 000 tensors costs about 10 million,
 * of 300 000 tensors 30 million; without a limit a small file could ask for any amount of memory.
 */
const BUDGET = 48_000_000;
export const COST = { container: 8, text: 4, item: 1 };

export class PickleBudget {
  private left = BUDGET;

  constructor(private readonly file: string) {}

  /** @throws CheckpointError `limit` once everything is spent */
  spend(cost: number): void {
    this.left -= cost;
    if (this.left < 0) {
      const message = 'the pickle asks for more memory than a checkpoint needs, and may be built to exhaust it';
      throw new CheckpointError('limit', message, { file: this.file });
    }
  }

  container(items: number): void {
    this.spend(COST.container + items * COST.item);
  }
}
