/** Tables of the benchmark: what we took, what the peer took in the same run, the ratio, the limit. */
export interface BenchRow {
  work: string;
  /** Seconds unless `unit` says otherwise. */
  ours: number;
  peer?: number;
  /** What `limit` bounds: our value itself, or ours over the peer's. */
  bounds: 'value' | 'ratio';
  limit?: number;
  unit?: string;
  note?: string;
  /** Other programs took so much of the machine that times say nothing about the limit. */
  busy?: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function benchTable(title: string, rows: readonly BenchRow[]): string {
  const cells = rows.map(({ work, ours, peer, bounds, limit, unit = 's', note, busy }) => {
    const ratio = peer === undefined ? undefined : ours / peer;
    const measured = bounds === 'value' ? ours : ratio;
    const judged = measured !== undefined && limit !== undefined;
    const verdict = !judged ? '' : busy ? 'machine busy' : measured <= limit ? 'met' : 'NOT MET';
    const limitText = limit === undefined ? '' : bounds === 'value' ? `≤ ${limit} ${unit}` : `≤ ${limit} ×`;
    return [
      work,
      `${significant(ours)} ${unit}`,
      peer === undefined ? '' : `${significant(peer)} ${unit}`,
      ratio === undefined ? '' : `${significant(ratio)} ×`,
      limitText,
      verdict,
      note ?? '',
    ];
  });
  const table = [['work', 'ours', 'peer', 'ratio', 'limit', '', 'note'], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => Array.from(row[column]!).length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(widths[column]! - Array.from(cell).length))
      .join('  ')
      .trimEnd(),
  );
  return [title, '', ...lines, ''].join('\n');
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value !== 0 && value < 1e-3 ? value.toExponential(1) : value.toPrecision(3);
}
