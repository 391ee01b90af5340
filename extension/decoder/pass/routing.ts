/** Which experts each token goes to, and with which weight. */

export interface Routes {
  /** For each expert: tokens that go to it, and the weight of each. */
  readonly tokens: readonly Uint32Array[];
  readonly weights: readonly Float32Array[];
}

/**
 * Softmax over all experts; the largest `perToken` stay.
 *
 * @param logits tokens × experts
 * @param normalised the weights of a token are made to sum to 1
 */
export function routesOf(logits: Float32Array, experts: number, perToken: number, normalised: boolean): Routes {
  const count = logits.length / experts;
  const tokens = Array.from({ length: experts }, (): number[] => []);
  const weights = Array.from({ length: experts }, (): number[] => []);
  const order = new Uint32Array(experts);
  for (let token = 0; token < count; token++) {
    const row = logits.subarray(token * experts, (token + 1) * experts);
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const shares = Float64Array.from(row, (logit) => Math.exp(logit - largest));
    const all = shares.reduce((a, b) => a + b, 0);
    for (let i = 0; i < experts; i++) order[i] = i;
    const chosen = order.sort((a, b) => row[b]! - row[a]! || a - b).subarray(0, perToken);
    const kept = chosen.reduce((sum, expert) => sum + shares[expert]!, 0);
    for (const expert of chosen) {
      tokens[expert]!.push(token);
      weights[expert]!.push(shares[expert]! / (normalised ? kept : all));
    }
  }
  return {
    tokens: tokens.map((each) => Uint32Array.from(each)),
    weights: weights.map((each) => Float32Array.from(each)),
  };
}
