/**
 * Files of a person's own numbers that are shown with a checkpoint. Their paths are remembered for it; the numbers are read
 * anew each time, so that they are always those of the file. Knows nothing of VS Code.
 */
import type { CancellationToken } from 'vscode-jsonrpc';
import { l10n } from '../../shared/language/l10n';
import type { KeptNumbers, OwnNumbers } from '../../shared/ownNumbers';
import { problemText } from '../../shared/language/problemText';
import type { CheckpointInEngine } from './checkpointInEngine';
import type { OwnNumbersMemory } from './ownNumbersMemory';

/** Files at a time: each has up to 32 columns. */
export const MOST_FILES = 8;

export class OwnNumbersList {
  private files: KeptNumbers[] = [];
  private memory: OwnNumbersMemory | undefined;
  private loading: Promise<void> | undefined;

  constructor(
    private readonly inEngine: Pick<CheckpointInEngine, 'askNumbers'>,
    private readonly checkpoint: string,
    private readonly tell: (kept: readonly KeptNumbers[]) => void,
  ) {}

  get kept(): readonly KeptNumbers[] {
    return this.files;
  }

  /** Those whose numbers are known. */
  get known(): OwnNumbers[] {
    return this.files.filter((each): each is OwnNumbers => !('error' in each));
  }

  rememberIn(memory: OwnNumbersMemory): void {
    this.memory = memory;
  }

  /** Reads what is remembered, once. A file that cannot be read stays in the list with the reason. */
  load(): Promise<void> {
    this.loading ??= this.readAll(this.memory?.files(this.checkpoint) ?? []);
    return this.loading;
  }

  /** Reads all of them anew: the checkpoint was opened anew. */
  async reload(): Promise<void> {
    await this.loading;
    this.loading = this.readAll(this.files.map(({ path }) => path));
    await this.loading;
  }

  /** A file that is there already is read anew. @throws what the engine says of the file; Error for too many files */
  async add(path: string, token: CancellationToken): Promise<OwnNumbers> {
    await this.load();
    const others = this.files.filter((each) => each.path !== path);
    if (others.length >= MOST_FILES)
      throw new Error(l10n.t('{0} files are shown already. Remove one first.', MOST_FILES));
    const found = await this.inEngine.askNumbers('ownNumbers', { path }, token);
    await this.change([...this.files.filter((each) => each.path !== path), found]);
    return found;
  }

  async remove(path: string): Promise<void> {
    await this.change(this.files.filter((each) => each.path !== path));
  }

  private async change(files: KeptNumbers[]): Promise<void> {
    this.files = files;
    this.tell(files);
    await this.memory?.keep(
      this.checkpoint,
      files.map(({ path }) => path),
    );
  }

  private async readAll(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    const read = async (path: string): Promise<KeptNumbers> => {
      try {
        return await this.inEngine.askNumbers('ownNumbers', { path });
      } catch (error) {
        return { path, error: problemText(error) };
      }
    };
    this.files = await Promise.all(paths.map(read));
    this.tell(this.files);
  }
}
