/** Parts of a document's layers as layers of their own: `c_attn.weight[q]`, `q_proj.weight[head3]`, `experts.gate_up_proj[5.gate]`. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { slicedTensor } from '../../checkpoint/wrappers/tensorSlice';
import type { LayerParts, PartSummary } from '../../shared/tensors';
import type { LayerGeometry } from '../../spectral/matrices';
import { partsOf, type MatrixPart } from '../../spectral/parts/partsOf';
import type { EngineLayer } from '../layer/engineLayer';
import type { ModelConfig } from '../../checkpoint/modelConfig';

export interface PartLayer extends EngineLayer {
  geometry: LayerGeometry;
  /** Name of the whole layer. */
  partOf: string;
  summary: PartSummary;
}

/**
 * All parts of a layer. Convolutions, tensors without a spectrum and products of factors have none.
 *
 * @param shapeOf shape of another tensor of the checkpoint
 */
export function layerParts(
  { tensor, geometry }: EngineLayer,
  config: ModelConfig,
  shapeOf: (tensor: string) => readonly number[] | undefined,
): { parts: PartLayer[]; reason?: string } {
  if (!geometry || geometry.kind === 'conv' || tensor.product) return { parts: [] };
  const { rows, cols, expert, heads } = geometry;
  const { parts, reason } = partsOf({
    ...{ name: tensor.name, rows, cols, stacked: expert !== undefined, shapeOf },
    ...(tensor.encoding && { encoding: tensor.encoding.name }),
    ...(tensor.recurrent && { recurrent: tensor.recurrent }),
    ...(heads && { heads }),
    sizes: config.sizesOf(tensor.name),
  });
  const why = reason === undefined ? undefined : [reason, config.problem].filter(Boolean).join('; ');
  return {
    parts: parts.map((part) => partLayer(tensor, geometry, part)),
    ...(why !== undefined && { reason: why }),
  };
}

function partLayer(tensor: TensorInfo, layer: LayerGeometry, { label, within, rows, cols }: MatrixPart): PartLayer {
  const { expert } = layer;
  const name = `${tensor.name}[${expert === undefined ? '' : `${expert}.`}${label}]`;
  const slice = { of: tensor, rows, cols, ...(expert !== undefined && { index: expert }) };
  const part = slicedTensor(name, slice);
  const [height, width] = part.shape as [number, number];
  return {
    tensor: part,
    geometry: { name, tensor: tensor.name, kind: 'matrix', rows: height, cols: width, count: 1 },
    partOf: layer.name,
    summary: { name, label, ...(within !== undefined && { within }), shape: [height, width] },
  };
}

/** An attention head, of a projection or of a part. */
export function isHead({ label }: Pick<PartSummary, 'label'>): boolean {
  return /(^|\.)head\d+$/.test(label);
}

/** Parts of a layer, or those that lie in one of its parts. */
export function partSummaries(found: { parts: readonly PartLayer[]; reason?: string }, within?: string): LayerParts {
  const parts = found.parts.map(({ summary }) => summary);
  if (within === undefined) return { parts, ...(found.reason !== undefined && { reason: found.reason }) };
  return { parts: parts.filter((part) => part.within === within) };
}

/** Name of the layer that a name is a part of, if it is one: what stands before its last bracket, an expert's number kept. */
export function wholeOf(name: string): string | undefined {
  const match = /^(.*)\[(?:(\d+)\.)?[^[\]]+\]$/s.exec(name);
  if (!match) return undefined;
  const [, tensor, expert] = match;
  return expert === undefined ? tensor : `${tensor!}[${expert}]`;
}
