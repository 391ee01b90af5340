/** The Marchenko–Pastur law of a fitted bulk, in the units of a spectrum: its density and its share above a value. Pure. */
import { l10n } from '../../extension/shared/language/l10n';
import { upperBound } from '../../extension/spectral/tail/bounds';
import { marchenkoPastur, type MarchenkoPastur } from '../../extension/spectral/bulk/marchenkoPastur';
import { formatNumber, formatShare } from '../numbers/format';

export class BulkLaw {
  private readonly law: MarchenkoPastur;
  /** λ of the spectrum for λ = 1 of the law. */
  private readonly scale: number;
  /** Share of the eigenvalues in the bulk. */
  readonly share: number;

  /**
   * @param eigenvalues λ ascending
   * @param edge λ₊ of the fit
   * @param Q aspect ratio N/M
   */
  constructor(
    eigenvalues: Float64Array,
    readonly edge: number,
    Q: number,
  ) {
    this.law = marchenkoPastur(Q);
    this.scale = edge / this.law.upper;
    this.share = upperBound(eigenvalues, edge) / eigenvalues.length;
  }

  /** λ₋ */
  get lower(): number {
    return this.scale * this.law.lower;
  }

  /** Share of all eigenvalues per unit of λ, if the bulk were as the law says. */
  density(lambda: number): number {
    return (this.share * this.law.density(lambda / this.scale)) / this.scale;
  }

  /** Share of all eigenvalues at or above λ. */
  above(lambda: number): number {
    return 1 - this.share * this.law.distribution(lambda / this.scale);
  }

  /** Share of all eigenvalues between two values. */
  between(low: number, high: number): number {
    return this.share * (this.law.distribution(high / this.scale) - this.law.distribution(low / this.scale));
  }

  /** Places at which it is drawn within [low, high]: denser towards the edges, where it bends. */
  places(low: number, high: number, count: number): number[] {
    const { lower, edge } = this;
    const all = Array.from({ length: count }, (_, i) => {
      const way = (1 - Math.cos((Math.PI * (i + 0.5)) / count)) / 2;
      // In σ: a square matrix's law is a quarter circle there.
      return (Math.sqrt(lower) + way * (Math.sqrt(edge) - Math.sqrt(lower))) ** 2;
    });
    return all.filter((lambda) => lambda >= low && lambda <= high);
  }

  /** In a sentence. */
  get words(): string {
    const share = formatShare(this.share);
    return l10n.t(
      'A Marchenko–Pastur law fits the bulk up to λ₊ {0}, which holds {1} of the eigenvalues.',
      formatNumber(this.edge, 3),
      share,
    );
  }
}
