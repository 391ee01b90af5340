/** A quantised checkpoint of the same model, as methods use it that repair what it lost. */
export interface QuantisedSummary {
  readonly path: string;
  readonly format: string;
  /** Layers of the model of which it holds a quantised weight of the same shape. */
  readonly layers: readonly string[];
  /** Layers that it does not hold, holds in another shape, or holds without a loss, and why. */
  readonly missing: readonly { readonly layer: string; readonly why: string }[];
}
