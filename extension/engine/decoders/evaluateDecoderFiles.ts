/** Perplexity of language models in files and folders, on tokens of a file. Runs in the process of `models/modelRun.ts`. */
import { evaluateDecoders } from '../../decoder/evaluateDecoders';
import { openDecoder } from '../../decoder/openDecoder';
import { Sessions } from '../../decoder/pass/sessions';
import type { DecoderEvaluationReport, DecoderEvaluationRequest } from '../../shared/decoderRuns';
import { OpenDocuments } from '../document/openDocuments';
import { openPlans } from './openPlans';
import { windowsFor } from './tokenInputs';

/**
 * Plans are of the first model.
 *
 * @throws DecoderError, CheckpointError, CompressionError; errors of onnxruntime
 */
export async function evaluateDecoderFiles(
  { models: paths, plans = [], statistics, tokens }: DecoderEvaluationRequest,
  progress: (fraction: number, message: string) => void,
): Promise<DecoderEvaluationReport> {
  const documents = new OpenDocuments();
  const sessions = await Sessions.open();
  try {
    for (const path of paths) await documents.open(path);
    const opened = documents.all();
    const decoders = await Promise.all(opened.map(({ checkpoint }) => openDecoder(checkpoint)));
    const { windows, description: inputs } = await windowsFor(opened[0]!.checkpoint, decoders[0]!, tokens);
    const variants = decoders.map(({ description, weights }, index) => ({
      name: paths[index]!,
      description,
      source: weights,
    }));
    const planned = await openPlans(decoders[0]!, opened[0]!, plans, statistics);
    try {
      const { description } = decoders[0]!;
      const all = [...variants, ...planned.variants.map((plan) => ({ ...plan, description }))];
      return { inputs, ...(await evaluateDecoders(all, windows, { sessions, progress })) };
    } finally {
      await planned.close();
    }
  } finally {
    await sessions.release();
    await documents.closeAll();
  }
}
