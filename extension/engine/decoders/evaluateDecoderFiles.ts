/** Perplexity of language models in files and folders, on tokens of a file. Runs in the process of `models/modelRun.ts`. */
import { openModel, type Model } from '../../checkpoint/openModel';
import { evaluateDecoders } from '../../decoder/evaluateDecoders';
import { openDecoder } from '../../decoder/openDecoder';
import { Sessions } from '../../decoder/pass/sessions';
import type { DecoderEvaluationReport, DecoderEvaluationRequest } from '../../shared/decoderRuns';
import { windowsFor } from './tokenInputs';

/** @throws DecoderError, CheckpointError; errors of onnxruntime */
export async function evaluateDecoderFiles(
  { models: paths, tokens }: DecoderEvaluationRequest,
  progress: (fraction: number, message: string) => void,
): Promise<DecoderEvaluationReport> {
  const opened: Model[] = [];
  const sessions = await Sessions.open();
  try {
    for (const path of paths) opened.push(await openModel(path));
    const decoders = await Promise.all(opened.map((model) => openDecoder(model)));
    const { windows, description: inputs } = await windowsFor(opened[0]!, decoders[0]!, tokens);
    const variants = decoders.map(({ description, weights }, index) => ({
      name: paths[index]!,
      description,
      source: weights,
    }));
    return { inputs, ...(await evaluateDecoders(variants, windows, { sessions, progress })) };
  } finally {
    await sessions.release();
    await Promise.all(opened.map((model) => model.close()));
  }
}
