/** The layouts by name. `shared/compression/layouts.ts` describes them. */
import type { LayoutName } from '../../shared/compression/layouts';
import { CompressionError } from '../compressionError';
import { bitsandbytesLayout } from './bitsandbytes';
import { compressedTensorsLayout } from './compressedTensors';
import { denseLayout } from './dense';
import { huggingfaceLayout } from './huggingface';
import { onnxLayout } from './onnx/onnxWriter';
import { partsLayout } from './parts';
import { peftLayout } from './peft';
import type { Layout, Layouts } from './writer';

const LAYOUTS: Layouts = {
  dense: denseLayout,
  huggingface: huggingfaceLayout,
  peft: peftLayout,
  onnx: onnxLayout,
  bitsandbytes: bitsandbytesLayout,
  'compressed-tensors': compressedTensorsLayout,
  safetensors: partsLayout,
};

/** @throws CompressionError `unsupported` */
export function saveLayout(name: LayoutName): Layout {
  const layout = LAYOUTS[name];
  if (layout) return layout;
  throw new CompressionError('unsupported', `there is no layout ${name}; ${Object.keys(LAYOUTS).join(', ')} are`);
}
