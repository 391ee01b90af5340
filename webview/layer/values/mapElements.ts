/** Elements for a heat map: asked of the engine as they come into sight, block by block, as for the table of values. */
import type { CancellationToken } from 'vscode-jsonrpc/browser';
import { indicesOf, type ElementTable } from '../../../extension/shared/elements';
import type { Host } from '../../connection';
import type { CellRange, ElementSource } from '../../plots/heat/elementCells';
import { ElementBlocks } from './elementBlocks';

export class MapElements implements ElementSource {
  private table: ElementTable | null = null;
  private blocks: ElementBlocks | null = null;
  private wanted: CellRange | null = null;
  private isAsked = false;

  /**
   * @param token cancelled when nobody looks any more
   * @param changed called when more are known
   * @param failed called with the reason why some are not; they are asked for again when they are next in sight
   */
  constructor(
    private readonly host: Host,
    private readonly layer: string,
    private readonly token: CancellationToken,
    private readonly changed: () => void,
    private readonly failed: (error: unknown) => void,
  ) {
    token.onCancellationRequested(() => this.blocks?.end());
  }

  at(row: number, col: number): number | undefined {
    return this.blocks?.at(row, col);
  }

  indices(row: number, col: number): readonly number[] | null {
    const { table } = this;
    return table && (table.shape.length !== 2 || table.offset !== 0) ? indicesOf(table, row, col) : null;
  }

  want(range: CellRange): void {
    this.wanted = range;
    if (this.blocks) this.blocks.want(range);
    else if (!this.isAsked) void this.begin();
  }

  private async begin(): Promise<void> {
    this.isAsked = true;
    const { host, layer, token } = this;
    try {
      const table = await host.request('elementTable', { layer }, token);
      this.table = table;
      this.blocks = new ElementBlocks(
        table,
        (range, cancellation) => host.request('elements', { layer, range }, cancellation),
        () => this.changed(),
        (error) => this.failed(error),
      );
      if (this.wanted) this.blocks.want(this.wanted);
    } catch (error) {
      if (token.isCancellationRequested) return;
      this.isAsked = false;
      this.failed(error);
    }
  }
}
