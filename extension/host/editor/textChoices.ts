/** On which text models were run last, for all checkpoints of a workspace. Knows nothing of VS Code, which keeps it. */
import type { TokenInputs } from '../../shared/decoderRuns';
import { parseTextChoices, type TextChoices } from '../../shared/textRuns';

/** The store: a `vscode.Memento`. */
export interface TextChoicesStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const KEY = 'textChoices';

export class TextChoicesMemory {
  constructor(private readonly store: TextChoicesStore) {}

  read(): TextChoices {
    return parseTextChoices(this.store.get(KEY));
  }

  async keep({ path, windows, length }: TokenInputs): Promise<void> {
    await this.store.update(KEY, parseTextChoices({ text: path, windows, length }));
  }
}
