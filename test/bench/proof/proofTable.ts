/** The table of the proof, and what it says of the paper's claim and of the methods' order. */
import { bootstrapInterval } from '../../../extension/decoder/measures/windowBootstrap';
import type { RankCorrelation, SensitivityReport } from '../../../extension/engine/sensitivity/sensitivityRecords';
import type { EvaluatedDecoder } from '../../../extension/shared/decoderRuns';
import type { Asked } from './proofRuns';

export interface ProofRow extends Pick<Asked, 'ratio' | 'method' | 'allocation'> {
  /** Undefined if there is no such plan. */
  readonly evaluated?: EvaluatedDecoder;
  /** Share of the parameters that the plan keeps. */
  readonly parameters?: number;
  readonly why?: string;
}

export function rowsTable(rows: readonly ProofRow[]): string[] {
  return [
    '| fewer parameters | method | allocation | kept | perplexity | KL to dense (nats) | same top 1 |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(({ ratio, method, allocation, parameters, evaluated, why }) => {
      const fewer = `${Math.round(100 * (1 - ratio))} %`;
      if (!evaluated) return `| ${fewer} | ${method} | ${allocation} | – | ${why ?? 'no plan'} | | |`;
      const { perplexity, kl, top1_agreement, intervals } = evaluated;
      const share = parameters === undefined ? '–' : `${(100 * parameters).toFixed(1)} %`;
      return (
        `| ${fewer} | ${method} | ${allocation} | ${share} | ${interval(perplexity, intervals.perplexity, 4)} | ` +
        `${interval(kl!, intervals.kl, 3)} | ${(100 * top1_agreement!).toFixed(1)} % |`
      );
    }),
  ];
}

function interval(value: number, limits: readonly [number, number] | null, digits: number): string {
  const text = (x: number): string => (x >= 1e4 ? x.toExponential(2) : x.toPrecision(digits));
  return limits ? `${text(value)} [${text(limits[0])}, ${text(limits[1])}]` : text(value);
}

/** KL of one less that of another over the same windows. */
export interface Difference {
  readonly mean: number;
  readonly interval: readonly [number, number];
}

/** Undefined if one of the two is not there, or has a single window. */
export function klDifference(a: ProofRow | undefined, b: ProofRow | undefined): Difference | undefined {
  const [ours, theirs] = [a?.evaluated?.windows, b?.evaluated?.windows];
  if (!ours || !theirs) return undefined;
  const differences = ours.map(({ kl }, index) => kl! - theirs[index]!.kl!);
  const limits = bootstrapInterval(differences);
  return limits
    ? { mean: differences.reduce((sum, x) => sum + x, 0) / differences.length, interval: limits }
    : undefined;
}

export function found(
  rows: readonly ProofRow[],
  ratio: number,
  method: string,
  allocation: string,
): ProofRow | undefined {
  return rows.find((row) => row.ratio === ratio && row.method === method && row.allocation === allocation);
}

/** What a difference says: `better` means a smaller KL, beyond the interval. */
export function verdict({ interval: [lower, upper] }: Difference): 'better' | 'worse' | 'no difference to see' {
  if (upper < 0) return 'better';
  return lower > 0 ? 'worse' : 'no difference to see';
}

/** The paper's claim: FARMS-alpha beats alpha and uniform. */
export function claimLines(rows: readonly ProofRow[], ratios: readonly number[], methods: readonly string[]): string[] {
  const counts = new Map<string, Record<string, number>>();
  const lines: string[] = [];
  for (const other of ['alphapruning', 'uniform']) {
    for (const ratio of ratios) {
      for (const method of methods) {
        const difference = klDifference(found(rows, ratio, method, 'farms-alpha'), found(rows, ratio, method, other));
        if (!difference) continue;
        const said = verdict(difference);
        const count = counts.get(other) ?? {};
        counts.set(other, { ...count, [said]: (count[said] ?? 0) + 1 });
        lines.push(
          `| ${Math.round(100 * (1 - ratio))} % | ${method} | ${other} | ${differenceText(difference)} | ${said} |`,
        );
      }
    }
  }
  if (lines.length === 0) return ['Not run of this model.'];
  const sums = [...counts].map(([other, count]) => {
    const all = Object.values(count).reduce((sum, n) => sum + n, 0);
    const better = count.better ?? 0;
    const confirmed = better === all ? 'confirmed' : better === 0 ? 'not confirmed' : 'confirmed in part';
    return `FARMS-alpha against ${other}: **${confirmed}**. Better in ${better} of ${all} cases, worse in ${count.worse ?? 0}.`;
  });
  return [
    ...sums,
    '',
    '| fewer parameters | method | FARMS-alpha against | difference of KL | FARMS-alpha is |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ];
}

/** `svd` ≥ `asvd` ≥ `svd-llm` ≥ `nystrom + vo` in KL, at uniform allocation. */
export function orderLines(rows: readonly ProofRow[], ratios: readonly number[], order: readonly string[]): string[] {
  const run = order.filter((method) => rows.some((row) => row.method === method));
  return ratios.flatMap((ratio) =>
    run.slice(1).flatMap((method, index) => {
      const before = run[index]!;
      const difference = klDifference(found(rows, ratio, method, 'uniform'), found(rows, ratio, before, 'uniform'));
      if (!difference) return [];
      const fewer = `${Math.round(100 * (1 - ratio))} %`;
      return [`| ${fewer} | ${before} | ${method} | ${differenceText(difference)} | ${verdict(difference)} |`];
    }),
  );
}

/** Does a number of the spectrum foretell the loss? */
export function sensitivityLines({ correlations, ratio, method, units }: SensitivityReport): string[] {
  const text = (found: RankCorrelation['spearman']): string =>
    `${found.value.toFixed(2)} [${found.interval.map((x) => x.toFixed(2)).join(', ')}]`;
  const row = (name: string, found: RankCorrelation | null): string =>
    found ? `| ${name} | ${text(found.spearman)} | ${text(found.kendall)} |` : `| ${name} | – | – |`;
  return [
    '#### Does a spectrum foretell what a layer loses?',
    '',
    `${units.length} layers, one at a time by ${method} at ${100 * ratio} % of its parameters (\`eigenscope sensitivity\`): rank`,
    'correlation of the KL divergence with numbers of the spectrum. If alpha foretold the loss, its correlation would be negative.',
    '',
    '| number | Spearman | Kendall |',
    '| --- | --- | --- |',
    row('alpha', correlations.alpha),
    row('FARMS alpha', correlations.farms_alpha),
    row('error of the weights (spectrum)', correlations.spectral_error),
    '',
  ];
}

function differenceText({ mean, interval: [lower, upper] }: Difference): string {
  return `${mean.toPrecision(3)} [${lower.toPrecision(3)}, ${upper.toPrecision(3)}]`;
}
