/** Which methods a layout has a place for. */
import type { LayoutName } from './layouts';
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
