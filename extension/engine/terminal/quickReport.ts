/** What a person reads in the terminal of layers that were only looked at. */
import type { Estimate, QuickLook } from '../../shared/estimates';
import type { CheckpointSummary } from '../../shared/tensors';
import { largestOf } from '../../shared/extremes';
import { shortCell } from '../../shared/visibleText';
import { agreeing } from '../../shared/agreeing';

/** A table of estimates, each with its interval, and what they are; nothing without any. */
export function quickReport({ tensors }: Pick<CheckpointSummary, 'tensors'>, looks: readonly QuickLook[]): string[] {
  if (looks.length === 0) return [];
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape.join('×')]));
  const header = ['FARMS', 'stable', 'effective', 'vN entropy', 'σ₁²', '‖W‖²', 'shape', 'layer'];
  const rows = looks.map(({ layer, tensor, estimates, farms, reason }) => [
    farms?.interval && farms.alpha !== null
      ? cell({ value: farms.alpha, low: farms.interval[0], high: farms.interval[1] }, 2)
      : '–',
    cell(estimates.stable_rank, 1),
    cell(estimates.effective_rank, 0),
    cell(estimates.von_neumann_entropy, 3),
    estimates.spectral_norm ? significant(estimates.spectral_norm) : '–',
    estimates.norm ? estimates.norm.value.toPrecision(4) : '–',
    shapes.get(tensor) ?? '',
    reason === undefined ? layer : `${layer}  (${reason})`,
  ]);
  const table = [header, ...rows].map((row) => row.map((text) => shortCell(text)));
  const widths = header.map((_, column) => largestOf(table.map((row) => Array.from(row[column]!).length)));
  const lines = table.map((row) =>
    row
      .map((text, column) =>
        column === header.length - 1 ? text : ' '.repeat(widths[column]! - Array.from(text).length) + text,
      )
      .join('  '),
  );
  const [first] = looks;
  return [
    '',
    `Estimated (quick look at ${looks.length} ${agreeing(looks.length, 'layer')}; the spectra were not computed):`,
    '',
    ...lines,
    '',
    `≈ value (a–b): an estimate with its 95 % interval, from ${first!.vectors} random vectors with seed ${first!.seed}. ‖W‖² is exact.`,
    ...windowLines(looks),
    'Without --quick the spectra are computed, and with them alpha, which is not estimated.',
  ];
}

function windowLines(looks: readonly QuickLook[]): string[] {
  const farms = looks.find((look) => look.farms)?.farms;
  if (!farms) return [];
  return [
    `FARMS: alpha of windows of ${farms.num_row_samples} rows (--farms-rows asks for others in the spectra's pass), some of them.`,
  ];
}

function cell(estimate: Estimate | undefined, digits: number): string {
  if (!estimate) return '–';
  const { value, low, high } = estimate;
  return `≈ ${value.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function significant({ value, low, high }: Estimate): string {
  return `≈ ${value.toPrecision(4)} (${low.toPrecision(4)}–${high.toPrecision(4)})`;
}
