/** A layer that is looked at quickly, in a worker: its rows are counted and handed back in float32. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { FarmsResult, TensorStatistics } from '../../shared/layers';
import type { EigenSolver } from './eigenSolver';
import { FarmsStage } from './layerFarms';
import type { LayerFarms } from './layerOutcome';
import type { LayerTask } from './layerRecords';
import { layerObstacle } from './layerResult';
import { TensorCount } from './tensorCount';
import { widenElements, widenPart } from './widenElements';
import type { QuickLayer } from './workerCalls';

/** The float64 copy of a piece stays in the second-level cache. */
const PIECE_ELEMENTS = 1 << 15;

export function look(task: LayerTask, solver: EigenSolver): QuickLayer {
  return new Looked(task, new TensorCount(task, () => solver.throwIfCancelled()), solver, []);
}

class Looked extends FarmsStage<FarmsResult | null> implements QuickLayer {
  rows({ bytes, counted }: Parameters<QuickLayer['rows']>[0]): Float32Array {
    const { dtype } = this.task.tensor;
    const size = elementSize(dtype);
    const single = new Float32Array(bytes.length / size);
    const piece = new Float64Array(Math.min(PIECE_ELEMENTS, single.length));
    for (let start = 0; start < single.length; start += piece.length) {
      this.solver.throwIfCancelled();
      const end = Math.min(start + piece.length, single.length);
      const elements = widenElements(bytes.subarray(start * size, end * size), dtype, piece.subarray(0, end - start));
      if (counted) this.count.add(elements);
      single.set(elements, start);
    }
    return single;
  }

  counted(): { statistics: TensorStatistics; obstacle: string | null } {
    const statistics = this.count.result();
    const obstacle = layerObstacle(this.task.layer, statistics);
    return { statistics, obstacle: obstacle ?? (this.count.isZero() ? 'all elements are zero' : null) };
  }

  override part({ part, turned, bytes, into }: Parameters<QuickLayer['part']>[0]): Float64Array {
    if (!bytes) throw new Error(`the bytes of ${this.task.tensor.name} are not held`);
    return widenPart(bytes, 'F32', this.task.layer.cols, { ...part, row: 0 }, turned, into);
  }

  protected heldPart(): never {
    throw new Error(`the bytes of ${this.task.tensor.name} are not held`);
  }

  protected known(farms?: LayerFarms): FarmsResult | null {
    return farms?.result ?? null;
  }
}
