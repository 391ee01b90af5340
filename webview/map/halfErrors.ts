/** The error of each layer if two factors of half its parameters took its place. Pure. */
import type { PlanLayer } from '../../extension/shared/compression/plans';
import { EnergyShares } from '../../extension/shared/ranks/energyShares';
import { FactorPair } from '../../extension/shared/ranks/factorPair';

/** Share of the parameters that the factors have. */
const BUDGET = 0.5;

/** ‖W − W_k‖_F/‖W‖_F by layer; those without a spectrum have none. */
export function errorsAtHalf(layers: readonly PlanLayer[]): Map<string, number> {
  return new Map(
    layers.flatMap(({ name, outputs, inputs, eigenvalues }) => {
      if (!eigenvalues) return [];
      const rank = new FactorPair(outputs, inputs).rankWithin(BUDGET);
      return [[name, new EnergyShares(eigenvalues).error(rank)] as const];
    }),
  );
}
