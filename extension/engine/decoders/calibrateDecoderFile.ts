/** Statistics of a language model in a file or a folder, on a person's text. Runs in the process of `models/modelRun.ts`. */
import { openModel } from '../../checkpoint/openModel';
import { calibrateDecoder } from '../../decoder/calibrateDecoder';
import { openDecoder } from '../../decoder/openDecoder';
import { Sessions } from '../../decoder/pass/sessions';
import { openSingleProducts } from '../../linalg/products/singleProducts';
import type { DecoderCalibrationReport, DecoderCalibrationRequest } from '../../shared/decoderRuns';
import { windowsFor } from './tokenInputs';

/** @throws DecoderError, CheckpointError, CompressionError; errors of onnxruntime. Nothing is written then */
export async function calibrateDecoderFile(
  { model: path, tokens, target, overwrite, gramBytes }: DecoderCalibrationRequest,
  progress: (fraction: number, message: string) => void,
): Promise<DecoderCalibrationReport> {
  const model = await openModel(path);
  const sessions = await Sessions.open();
  const products = await openSingleProducts();
  try {
    const decoder = await openDecoder(model);
    const { windows, description: inputs } = await windowsFor(model, decoder, tokens);
    const calibrated = await calibrateDecoder(decoder, windows, {
      ...{
        sessions,
        multiply: products.multiply,
        target,
        overwrite,
        protect: model.files,
        gramBytes,
        inputs,
        progress,
      },
    });
    const length = windows[0]!.length;
    const { layers } = calibrated;
    const listed = (of: typeof layers): readonly string[] => of.map(({ layer }) => layer);
    return {
      ...calibrated,
      inputs,
      windows: windows.length,
      length,
      unreached: listed(layers.filter(({ tokens: seen }) => seen === 0)),
      diagonal: listed(layers.filter(({ gram }) => !gram)),
      singular: listed(layers.filter((each) => each.gram && each.tokens > 0 && each.tokens < each.inputs)),
    };
  } finally {
    await products.dispose();
    await sessions.release();
    await model.close();
  }
}
