/** Names of layers in a note: the first few. */
const NAMES_SHOWN = 3;

export function listed(layers: readonly string[]): string {
  const more = layers.length - NAMES_SHOWN;
  return layers.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more layers` : '');
}
