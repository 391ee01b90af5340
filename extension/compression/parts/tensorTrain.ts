/** A matrix product operator: cores of bonds[l] × rowSizes[l] × columnSizes[l] × bonds[l+1]. */
import { elementSize } from '../../checkpoint/elements/dtype';
import type { TensorTrainPart } from '../../shared/compression/parts';
import { interleaved } from '../decomposition/interleavedAxes';
import type { PartOperations } from './part';
import { floatField } from './storedFields';

export const tensorTrainPart: PartOperations<TensorTrainPart> = {
  addTo(sum, { rowSizes, columnSizes, bonds, cores }, _size, kernels) {
    let tensor = cores[0]!;
    for (let l = 1; l < cores.length; l++) {
      const bond = bonds[l]!;
      tensor = kernels.multiply(tensor, cores[l]!, tensor.length / bond, cores[l]!.length / bond, bond, false, false);
    }
    const matrix = interleaved(tensor, rowSizes, columnSizes, 'matrix');
    for (let i = 0; i < matrix.length; i++) sum[i] = sum[i]! + matrix[i]!;
  },

  store(part, _size, dtype) {
    const stored = part.cores.map((core, l) => floatField(`core${l}`, core, coreShape(part, l), dtype));
    return {
      fields: stored.map(({ field }) => field),
      values: { rowSizes: part.rowSizes, columnSizes: part.columnSizes, bonds: part.bonds },
      part: { ...part, cores: stored.map(({ values }) => values) },
      saturated: stored.reduce((count, { saturated }) => count + saturated, 0),
    };
  },

  cost(part) {
    const { rowSizes, columnSizes, bonds } = part;
    let multiplyAdds = 0;
    let activations = 0;
    let held = columnSizes.reduce((product, size) => product * size, 1);
    // Core by core from the left: i_l inputs go, o_l outputs and a bond come.
    for (const [l, rows] of rowSizes.entries()) {
      multiplyAdds += held * rows * bonds[l + 1]!;
      held = (held / columnSizes[l]! / bonds[l]!) * rows * bonds[l + 1]!;
      if (l < rowSizes.length - 1) activations = Math.max(activations, held);
    }
    return { parameters: parametersOf(part), multiplyAdds, activations };
  },

  bytes(part, _size, dtype) {
    return parametersOf(part) * elementSize(dtype);
  },
};

function coreShape({ rowSizes, columnSizes, bonds }: TensorTrainPart, l: number): number[] {
  return [bonds[l]!, rowSizes[l]!, columnSizes[l]!, bonds[l + 1]!];
}

function parametersOf({ cores }: TensorTrainPart): number {
  return cores.reduce((sum, core) => sum + core.length, 0);
}
