/** In which block of a decoder a layer of its checkpoint is. */
import { DecoderError } from '../../decoder/decoderError';
import type { Decoder } from '../../decoder/openDecoder';

export function firstBlocks({ description, weights, path }: Decoder): {
  /** @throws DecoderError `unsupported` for a layer that is in no block that runs */
  first: (layers: readonly string[]) => number;
} {
  const blocks = new Map<string, number>();
  for (const [index, { linears, experts }] of description.blocks.entries()) {
    const all = [linears, ...(experts?.each ?? []), experts?.shared ?? {}].flatMap((part) => Object.values(part));
    for (const { name } of all) {
      const layer = weights.layerName(`${name}.weight`);
      if (layer !== undefined && !blocks.has(layer)) blocks.set(layer, index);
    }
  }
  return {
    first: (layers) => {
      const outside = layers.find((layer) => !blocks.has(layer));
      if (outside !== undefined) {
        const reason = `${outside} is in no block that is run; leave it out (--layers)`;
        throw new DecoderError('unsupported', reason, path);
      }
      return layers.reduce((least, layer) => Math.min(least, blocks.get(layer)!), Infinity);
    },
  };
}
