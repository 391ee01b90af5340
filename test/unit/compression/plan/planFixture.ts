/** Layers with made spectra, for tests of plans. */
import fc from 'fast-check';
import type { PlanRequest } from '../../../../extension/compression/plan/planRequest';
import type { PlanLayer } from '../../../../extension/shared/compression/plans';

export function planLayer(name: string, outputs: number, inputs: number, eigenvalues?: readonly number[]): PlanLayer {
  return {
    name,
    outputs,
    inputs,
    storedBytes: 2 * outputs * inputs,
    elementBytes: 2,
    block: name.replace(/\.[^.]*$/, ''),
    ...(eigenvalues && { eigenvalues: Float64Array.from(eigenvalues).sort().reverse() }),
  };
}

export const PLAIN: Omit<PlanRequest, 'target'> = { allocation: 'optimal', method: { method: 'svd' }, multiple: 1 };

/** A layer of a few directions, its λ falling as a power of the index or at will. */
const someLayer = fc
  .record({
    outputs: fc.integer({ min: 1, max: 24 }),
    inputs: fc.integer({ min: 1, max: 24 }),
    scale: fc.double({ min: 0.01, max: 100, noNaN: true }),
    power: fc.double({ min: 0, max: 3, noNaN: true }),
    alpha: fc.double({ min: 1.2, max: 8, noNaN: true }),
  })
  .map(({ outputs, inputs, scale, power, alpha }) => ({
    ...planLayer(
      '',
      outputs,
      inputs,
      Array.from({ length: Math.min(outputs, inputs) }, (_, i) => scale * (i + 1) ** -power),
    ),
    alpha,
    alphaMid: alpha,
    farmsAlpha: alpha + 0.1,
  }));

/** Up to `most` layers with names of their own, two in a block. */
export function someLayers(most: number): fc.Arbitrary<PlanLayer[]> {
  return fc
    .array(someLayer, { minLength: 1, maxLength: most })
    .map((layers) =>
      layers.map((layer, l) => ({ ...layer, name: `blocks.${l >> 1}.w${l}`, block: `blocks.${l >> 1}` })),
    );
}
