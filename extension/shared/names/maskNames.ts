/**
 * Masks that are stored beside weights. Programs multiply the weight by them before they use it: what is 0 there counts
 * nowhere, whatever the weight holds.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.prune.html (`weight_orig` and `weight_mask`)
 */
const ORIGINAL = /_orig$/;
const MASK = /_mask$/;

/** The name that a weight's mask would have: `fc.weight_mask` of `fc.weight_orig`, and of `fc.weight`. */
export function maskNameOf(weight: string): string {
  return `${weight.replace(ORIGINAL, '')}_mask`;
}

/** The names that the weight of a mask may have, the likelier first; none for what is no mask by its name. */
export function maskedNames(mask: string): string[] {
  if (!MASK.test(mask)) return [];
  const weight = mask.replace(MASK, '');
  return [`${weight}_orig`, weight];
}
