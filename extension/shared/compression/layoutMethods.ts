/** Which methods a layout has a place for. */
import { saveLayouts, type LayoutName, type SaveLayout } from './layouts';
import { layerMethod, type MethodName } from './methodTable';
import type { CompressionPlan } from './plans';

/** The layout can hold what the method makes. It may still refuse a weight, for its shape or for the method's options. */
export function layoutHolds(layout: LayoutName, method: MethodName): boolean {
  const { stores } = layerMethod(method);
  switch (layout) {
    case 'huggingface':
    case 'onnx':
      return stores === 'pair';
    case 'peft':
      // A quantised matrix and a product are the base and its adapter.
      return stores === 'adapter' || method === 'lq-lora';
    case 'bitsandbytes':
    case 'compressed-tensors':
      return method === 'quantise';
    case 'safetensors':
      return stores !== 'adapter';
    case 'dense':
      return true;
  }
}

/** Methods of the plan's layers that the layout cannot hold. */
export function methodsWithoutPlace(layout: LayoutName, { layers }: Pick<CompressionPlan, 'layers'>): MethodName[] {
  const methods = Object.values(layers).flatMap((layer) => ('method' in layer ? [layer.method] : []));
  return [...new Set(methods)].filter((method) => !layoutHolds(layout, method));
}

/** A layout for a person to choose. */
export interface LayoutOffer extends SaveLayout {
  /** Methods of the plan that it has no place for, and the first layer that has one of them. */
  readonly lacks: readonly MethodName[];
  readonly layer?: string;
}

/**
 * The layouts that a checkpoint can be saved in; those that hold all of the plan come first.
 *
 * @param format of the checkpoint: a graph is written from a graph only
 */
export function layoutOffers(format: string, plan: Pick<CompressionPlan, 'layers'>): LayoutOffer[] {
  const offers = saveLayouts
    .filter(({ name }) => (name === 'onnx') === (format === 'onnx') || name === 'dense' || name === 'safetensors')
    .map((layout): LayoutOffer => {
      const lacks = methodsWithoutPlace(layout.name, plan);
      const [layer] =
        Object.entries(plan.layers).find(([, row]) => 'method' in row && lacks.includes(row.method)) ?? [];
      return { ...layout, lacks, ...(layer !== undefined && { layer }) };
    });
  return [...offers.filter(({ lacks }) => lacks.length === 0), ...offers.filter(({ lacks }) => lacks.length > 0)];
}
