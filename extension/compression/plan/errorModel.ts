/**
 * What is known of a method's error before it is run: from σ for low rank (Eckart–Young), and from measured losses of
 * quantisers on random matrices. Each number comes with what it is to the error of what is stored.
 */
import { DEFAULT_OPTIONS } from '../../shared/compression/methodOptions';
import type { LayerChoice } from '../../shared/compression/plans';
import type { EnergyShares } from '../../shared/ranks/energyShares';
import type { LayerSize } from './methodCosts';
import type { ErrorKind } from './planRequest';
import { quantiserLoss } from './quantiserLoss';

export function errorKind(method: LayerChoice['method']): ErrorKind {
  switch (method) {
    case 'svd':
    case 'pissa':
    case 'olora':
      return 'exact';
    case 'fwsvd':
    case 'asvd':
    case 'svd-llm':
    case 'afm':
    case 'cur':
    case 'dct':
    case 'cospadi':
      // Ŵ has this rank at most, and no matrix of that rank is nearer to W than W_k.
      return 'at least';
    case 'lost':
      // Its first round begins with W_k.
      return 'at most';
    case 'gear':
    case 'lq-lora':
    case 'loftq':
    case 'quantise':
    case 'eora':
    case 'tensor-train':
    case 'robust':
      // Of `robust`, outliers are set apart first: what is left of W may have a higher rank than W.
      return 'estimate';
  }
}

/**
 * ‖W − Ŵ‖_F²/‖W‖_F² as far as it is known; NaN if it is not.
 *
 * @param shares of the layer; undefined if it was not inspected
 */
export function errorShare(choice: LayerChoice, size: LayerSize, shares: EnergyShares | undefined): number {
  const { rank = 0, ...given } = choice;
  return errorShares(given, size, shares)(rank);
}

/**
 * What `errorShare` lies between for entries with the tails of a uniform and of a Laplace distribution; undefined where the
 * error is not that of a quantiser alone.
 */
export function errorInterval(
  choice: LayerChoice,
  { inputs }: LayerSize,
): readonly [least: number, most: number] | undefined {
  if (choice.method !== 'quantise') return undefined;
  const { least, most } = quantiserLoss({ ...DEFAULT_OPTIONS, ...choice }, inputs);
  return [least, most];
}

/** `errorShare` by the rank. */
export function errorShares(
  choice: LayerChoice,
  { outputs, inputs }: LayerSize,
  shares: EnergyShares | undefined,
): (rank: number) => number {
  const lost = (rank: number): number => shares?.lost(rank) ?? NaN;
  const quantiser = (): number => quantiserLoss({ ...DEFAULT_OPTIONS, ...choice }, inputs).estimate;
  switch (choice.method) {
    case 'pissa':
    case 'olora':
      // Adapter and base together are W.
      return () => 0;
    case 'eora':
    case 'tensor-train':
      // What a quantised file lost, and how the unfoldings of a chain decay, is not told by σ.
      return () => NaN;
    case 'quantise':
      return quantiser;
    case 'lq-lora': {
      // What is quantised is the rest after the leading directions.
      const loss = quantiser();
      return (rank) => loss * lost(rank);
    }
    case 'gear':
    case 'loftq': {
      // Directions of rounding errors, which are nearly white: they hold little more than their share of the parameters.
      const loss = quantiser();
      return (rank) => loss * Math.max(0, 1 - (rank * (outputs + inputs - rank)) / (outputs * inputs));
    }
    default:
      return lost;
  }
}
