/**
 * Method `tensor-train`: W as a matrix product operator. Outputs and inputs are split into factors (o₁…o_m; i₁…i_m), the
 * pairs (oₗ, iₗ) become the axes of one tensor, and a chain of truncated SVDs from the left cuts each bond to at most χ.
 *
 * @see Oseledets 2011, "Tensor-train decomposition", Algorithm 1; Tomut et al., CompactifAI (arXiv 2401.14109)
 */
import type { TensorTrainPart } from '../../shared/compression/parts';
import { fullBonds, tensorSizes } from '../../shared/compression/rankLimits';
import { interleaved } from '../decomposition/interleavedAxes';
import { truncatedSvd, type Factors } from '../truncatedSvd';
import type { LayerMethod } from './method';

export const tensorTrain: LayerMethod = ({ w, outputs, inputs, rank, options }, { kernels, poll }) => {
  const rowSizes = tensorSizes(outputs, options.cores);
  const columnSizes = tensorSizes(inputs, options.cores);
  const most = fullBonds(rowSizes, columnSizes);
  const cores: Float64Array[] = [];
  const bonds = [1];
  let rest = interleaved(w, rowSizes, columnSizes, 'tensor');
  const steps = options.cores - 1;
  for (let l = 0; l < steps; l++) {
    const rows = bonds[l]! * rowSizes[l]! * columnSizes[l]!;
    const columns = rest.length / rows;
    const bond = Math.min(rank, most[l + 1]!, rows, columns);
    const factors = truncatedSvd(rest, rows, columns, bond, {
      kernels,
      onProgress: (fraction) => poll((l + fraction) / steps),
    });
    const { unitLeft, scaledRight } = leftOrthonormal(factors, bond);
    cores.push(unitLeft);
    bonds.push(bond);
    rest = scaledRight;
  }
  cores.push(rest);
  bonds.push(1);
  const part: TensorTrainPart = { kind: 'tensor-train', rowSizes, columnSizes, bonds, cores };
  return { parts: [part], notes: [] };
};

/** U and S·Vᵀ out of U√S and √S·Vᵀ: what is cut later then counts as much as it does in W. */
function leftOrthonormal(
  { left, right, singularValues }: Factors,
  bond: number,
): { unitLeft: Float64Array; scaledRight: Float64Array } {
  const roots = singularValues.map(Math.sqrt);
  const columns = right.length / bond;
  return {
    unitLeft: left.map((value, at) => (value === 0 ? 0 : value / roots[at % bond]!)),
    scaledRight: right.map((value, at) => value * roots[Math.floor(at / columns)]!),
  };
}
