/** A matrix product operator: cores of bonds[l] × rowSizes[l] × columnSizes[l] × bonds[l+1]. */
import { elementSize } from '../../checkpoint/elements/dtype';
import { chainCost } from '../../shared/compression/chainCost';
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
    return { parameters: parametersOf(part), ...chainCost(part.rowSizes, part.columnSizes, part.bonds) };
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
