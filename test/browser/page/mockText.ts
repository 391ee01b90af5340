/** A language model on a text, as the host answers of it: made numbers. */
import type { ViewNotifications } from '../../../extension/protocol';
import type { DecoderEvaluation } from '../../../extension/shared/decoderRuns';
import type { Handlers } from '../../../extension/shared/rpc';
import type { TextRun, TextViewRequests } from '../../../extension/shared/textRuns';

const MODELS = ['/checkpoints/llama-58m', '/checkpoints/half', '/checkpoints/quarter'];

/** @param models one at least: the open one and others; @param windows of 512 tokens */
export function evaluation(models: number, windows: number): DecoderEvaluation {
  const wave = (model: number, at: number): number => 2.4 + 0.35 * Math.sin(1.7 * at) + 0.2 * model;
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
  const evaluated = MODELS.slice(0, models).map((name, model) => {
    const each = Array.from({ length: windows }, (_, at) => ({
      nll: wave(model, at),
      kl: model === 0 ? null : 0.12 * model + 0.03 * Math.cos(at),
      top1_agreement: model === 0 ? null : 0.93 - 0.07 * model + 0.02 * Math.sin(3 * at),
    }));
    const nll = mean(each.map((window) => window.nll));
    const kl = model === 0 ? null : mean(each.map((window) => window.kl!));
    const top1_agreement = model === 0 ? null : mean(each.map((window) => window.top1_agreement!));
    return { name, perplexity: Math.exp(nll), nll, kl, top1_agreement, windows: each };
  });
  const around = (value: number | null, width: number) =>
    value === null ? null : ([value - width, value + width] as const);
  return {
    ...{ windows, length: 512, tokens: windows * 511, bootstrap: { seed: 1, resamples: 1000 } },
    models: evaluated.map((model) => ({
      ...model,
      intervals: {
        perplexity: [model.perplexity * 0.94, model.perplexity * 1.06],
        kl: around(model.kl, 0.01),
        top1_agreement: around(model.top1_agreement, 0.004),
      },
    })),
  };
}

/**
 * @param options `text`: `none` for a model that cannot be run, `short` for a text that is too short, `running` for a run that
 *   goes on, `untold` for a person who cancels the dialog of statistics
 */
export function textHandlers(
  options: URLSearchParams,
  notify: (name: 'textRun', params: ViewNotifications['textRun']) => Promise<void>,
): Handlers<TextViewRequests> {
  const kind = options.get('text');
  const tell = (run: TextRun): Promise<void> => notify('textRun', run);
  return {
    decoderFacts: () => {
      if (kind === 'none')
        throw new Error(
          '/checkpoints/llama-58m: models of the type mamba cannot be run here; known are llama, mistral',
        );
      const facts = { modelType: 'llama', blocks: 12, vocabulary: 32_000, usualLength: 2048, positions: 2048 };
      return { facts, choices: { text: null, windows: 16, length: 512 } };
    },
    chooseText: () => ({ path: '/texts/wikitext.txt' }),
    chooseSaved: () => ({ paths: ['/checkpoints/half', '/checkpoints/quarter'] }),
    estimateOnText: ({ request }) => {
      if (kind === 'short') throw new Error(`${request.tokens.path}: has 31 tokens, fewer than one window of 512`);
      const { windows, length = 2048 } = request.tokens;
      return { seconds: 95 * (1 + request.others.length), windows, length, measuredWindows: 4 };
    },
    evaluateOnText: async ({ request }) => {
      await tell({ state: 'running', fraction: 0, message: 'Reading the text', secondsLeft: null });
      const message = 'llama-58m: block 3 of 12, window 8 of 16';
      await tell({ state: 'running', fraction: 0.2, message, secondsLeft: 76 });
      if (kind === 'running') return null;
      const result = evaluation(1 + request.others.length, request.tokens.windows);
      await tell({ state: 'done', text: request.tokens.path, result });
      return null;
    },
    calibrateOnText: async ({ tokens }) => {
      if (kind === 'untold') return false;
      const none = { influence: {}, unreached: [], diagonal: [], singular: [] };
      const report = { path: '/texts/llama.statistics.safetensors', bytes: 1, length: 512, inputs: 'text', ...none };
      const layers = [{ layer: 'model.layers.0.mlp.up_proj.weight', inputs: 512, tokens: 8192, gram: true }];
      const result = { ...report, windows: tokens.windows, layers };
      if (kind === 'running') {
        const message = 'block 3 of 12, window 8 of 16';
        await tell({ state: 'running', fraction: 0.2, message, secondsLeft: 76 });
      } else await tell({ state: 'calibrated', result });
      return true;
    },
    cancelOnText: async () => {
      await tell({ state: 'stopped', problem: null });
      return null;
    },
  };
}
