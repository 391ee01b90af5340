/** Statistics of a tensor whose elements pass in pieces, and what follows from them for its spectrum. */
import { elementSize } from '../../checkpoint/elements/dtype';
import { loadElementKernels } from '../../linalg/kernels/elementKernels';
import type { StoredRounding } from '../../shared/layers';
import { hasRepresentableSquares, StatisticsAccumulator } from '../../spectral/metrics/statistics';
import { widenElements } from './widenElements';
import { roundingOfLayer } from './layerResult';
import type { TensorTask } from './layerRecords';

/** Bytes are counted piece by piece: the float64 copy of one stays in the second-level cache. */
const PIECE_ELEMENTS = 1 << 15;

export class TensorCount extends StatisticsAccumulator {
  /** @param throwIfCancelled is called before every piece */
  constructor(
    private readonly task: TensorTask,
    private readonly throwIfCancelled: () => void,
  ) {
    super(loadElementKernels().moments);
  }

  /** @param bytes whole elements as stored, the next ones in their order. @throws what `throwIfCancelled` throws */
  addBytes(bytes: Uint8Array): void {
    const { dtype } = this.task.tensor;
    const size = elementSize(dtype);
    const elements = new Float64Array(Math.min(PIECE_ELEMENTS, bytes.length / size));
    for (let start = 0; start < bytes.length; start += elements.length * size) {
      this.throwIfCancelled();
      const piece = bytes.subarray(start, start + elements.length * size);
      this.add(widenElements(piece, dtype, elements.subarray(0, piece.length / size)));
    }
  }

  /** True where the elements so far are finite, and their squares within the range of a double. */
  hasSpectrum(): boolean {
    const statistics = this.result();
    return statistics.nan + statistics.inf === 0 && hasRepresentableSquares(statistics);
  }

  /** True where all elements so far are zero: the spectra are then known without computing. */
  isZero(): boolean {
    const { count, zeros } = this.result();
    return zeros >= count;
  }

  /** What the stored type may have done to the spectrum of a window. */
  rounding([rows, cols]: readonly [number, number]): StoredRounding {
    return roundingOfLayer(this.task, this.result(), rows, cols);
  }
}
