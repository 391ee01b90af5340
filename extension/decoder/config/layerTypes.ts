/** Which layers see a window of tokens, and which all of them: `layer_types`, or the family's own rule. */
import type { ConfigFields } from './configFields';

export const SLIDING = 'sliding_attention';
export const FULL = 'full_attention';

/**
 * @param rule of the family, if the configuration has no `layer_types`
 * @throws DecoderError `unsupported` for another type, `invalid-config`
 */
export function layerTypes(
  config: ConfigFields,
  rule: (layer: number) => boolean,
): readonly (typeof SLIDING | typeof FULL)[] {
  const layers = config.size('num_hidden_layers');
  const given = config.words('layer_types');
  return Array.from({ length: layers }, (_, layer) => {
    const type = given ? given[layer] : rule(layer) ? SLIDING : FULL;
    if (type === SLIDING || type === FULL) return type;
    throw config.unsupported(`the layer type ${type ?? 'that is missing'} of layer ${layer}`);
  });
}

/** Windows of Qwen's layers: only from `max_window_layers` on, and only if `use_sliding_window` says so. */
export function qwenWindow(
  config: ConfigFields,
  rule: (layer: number, from: number) => boolean = (layer, from) => layer >= from,
): (layer: number) => number | undefined {
  const window = config.flag('use_sliding_window', false) ? config.sizeUnlessNull('sliding_window', 4096) : undefined;
  if (window === undefined) return () => undefined;
  const from = config.number('max_window_layers', 28);
  const types = layerTypes(config, (layer) => rule(layer, from));
  return (layer) => (types[layer] === SLIDING ? window : undefined);
}
