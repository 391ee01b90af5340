/** The members of a layer, its heads, parts or experts, and what is said of their spectra. Pure. */
import { l10n } from '../../../extension/shared/language/l10n';
import type { PowerLawFit } from '../../../extension/shared/layers';
import { formatCount, formatNumber } from '../../numbers/format';

export interface Member {
  /** Of the layer that it is. */
  readonly name: string;
  /** `q.head3`, `expert 5`. */
  readonly label: string;
}

/** What is known of a member. */
export type MemberSpectrum =
  { readonly eigenvalues: Float64Array; readonly fit: PowerLawFit | null } | { readonly problem: string };

/** What is known of a member, in words. */
export function memberLines({ label }: Member, spectrum: MemberSpectrum | undefined): string[] {
  if (!spectrum) return [label, l10n.t('not computed')];
  if ('problem' in spectrum) return [label, spectrum.problem];
  const { fit, eigenvalues } = spectrum;
  const largest = `λ₁ ${formatNumber(eigenvalues.at(-1) ?? NaN, 3)}`;
  if (!fit || fit.alpha === null) return [label, l10n.t('no alpha: {0}', fit?.reason ?? l10n.t('no fit')), largest];
  const numbers = [l10n.t('alpha {0}', formatNumber(fit.alpha, 3)), `D ${formatNumber(fit.D ?? NaN, 2)}`];
  return [label, ...numbers, l10n.t('xmin {0}', formatNumber(fit.xmin ?? NaN, 3)), largest];
}

export function alphaText(spectrum: MemberSpectrum): string {
  if ('problem' in spectrum) return l10n.t('failed');
  const alpha = spectrum.fit?.alpha ?? null;
  return alpha === null ? l10n.t('no α') : `α ${formatNumber(alpha, 3)}`;
}

/** What the grid shows, in a sentence. */
export function gridFinding(members: readonly Member[], known: ReadonlyMap<string, MemberSpectrum>): string {
  const found = members.flatMap(({ name, label }) => {
    const spectrum = known.get(name);
    const alpha = spectrum && 'eigenvalues' in spectrum ? spectrum.fit?.alpha : null;
    return typeof alpha === 'number' && Number.isFinite(alpha) ? [{ label, alpha }] : [];
  });
  const counts = [formatCount(known.size), formatCount(members.length)] as const;
  const sorted = found.sort((a, b) => a.alpha - b.alpha);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most) return l10n.t('{0} of {1} spectra computed; none has an alpha.', ...counts);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]!.alpha + sorted[Math.ceil((sorted.length - 1) / 2)]!.alpha;
  const shown = ({ label, alpha }: { label: string; alpha: number }): string => `${formatNumber(alpha, 3)} (${label})`;
  const ends = [shown(least), shown(most), formatNumber(middle / 2, 3)] as const;
  return l10n.t('{0} of {1} spectra computed. Alpha from {2} to {3}, median {4}.', ...counts, ...ends);
}
