/**
 * Tools for language models: what a checkpoint is, its layers, one layer's numbers. They read headers and known numbers.
 * They compute only if asked to, and after a person's consent where it takes longer than seconds.
 *
 * @see https://code.visualstudio.com/api/extension-guides/tools
 */
import * as vscode from 'vscode';
import type { LayerNumbers } from '../api/eigenscope';
import { publicLayers, publicNumbers, publicSummary } from '../api/layerNumbers';
import type { SharedCheckpoint } from '../api/sharedCheckpoint';
import type { SharedCheckpoints } from '../api/sharedCheckpoints';
import { EigenscopeError } from '../api/eigenscopeError';
import { told } from '../api/toldErrors';
import { markdownText } from '../../shared/exports/markdownText';
import { l10n } from '../../shared/language/l10n';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';
import { boundedAnswer, dataNumber, dataText, MOST_CHARACTERS } from './boundedAnswer';
import { isQuick, largestLayer } from './computeCost';
import { layerRow, nameFilter, rowLimit, sortedLayers, sortKey, type ListedLayer } from './layerRows';
import { isOutside, meantCheckpoint } from './meantCheckpoint';
import { toolInput, type ToolInput } from './toolInput';

/** Layers whose numbers are looked up for one answer. */
const MOST_LOOKED_UP = 2000;

/** Entries of metadata, and problems, in one answer. */
const MOST_ENTRIES = 20;

const UNFORESEEN = l10n.t('Spectra are computed, which may take minutes on all processor cores.');

/** A token stands for at least so many characters of JSON with numbers. */
const CHARACTERS_OF_A_TOKEN = 2;

interface Surroundings {
  shared: SharedCheckpoints;
  checkpoints: Pick<WorkspaceCheckpoints, 'find'>;
}

type Tool = vscode.LanguageModelTool<ToolInput>;
type Answer = (checkpoint: SharedCheckpoint, input: ToolInput, call: Call) => Promise<string>;

interface Call {
  token: vscode.CancellationToken;
  /** Characters of the answer. */
  most: number;
}

/** By their names in package.json. */
export function assistantTools(surroundings: Surroundings): Record<string, Tool> {
  return {
    eigenscope_summarise_checkpoint: toolOf(surroundings, summarised),
    eigenscope_list_layers: toolOf(surroundings, listed),
    eigenscope_inspect_layer: toolOf(surroundings, inspected),
  };
}

/** Does nothing where this VS Code, or a program built from it, has no tools. */
export function registerTools(tools: Record<string, Tool>): vscode.Disposable {
  const { lm } = vscode as Partial<typeof vscode>;
  if (typeof lm?.registerTool !== 'function') return new vscode.Disposable(() => undefined);
  const registrations = Object.entries(tools).map(([name, tool]) => lm.registerTool(name, tool));
  return vscode.Disposable.from(...registrations);
}

function toolOf({ shared, checkpoints }: Surroundings, answer: Answer): Tool {
  const using = async <T>(input: ToolInput, work: (checkpoint: SharedCheckpoint) => Promise<T>): Promise<T> => {
    const { checkpoint, release } = await shared.lease(await meantCheckpoint(input.path, checkpoints));
    try {
      return await work(checkpoint);
    } finally {
      release();
    }
  };
  return {
    prepareInvocation: async ({ input: given }, token) => {
      const named = await told(async () => {
        const input = toolInput(given);
        return { input, uri: await meantCheckpoint(input.path, checkpoints) };
      }).catch(() => undefined);
      // The answer says what is wrong with the input.
      if (!named) return undefined;
      const { input, uri } = named;
      const invocationMessage = markdownOf(l10n.t('Reading {0}', vscode.workspace.asRelativePath(uri)));
      const questions: string[] = [];
      const outside = isOutside(uri);
      if (outside) {
        questions.push(
          l10n.t(
            '{0} lies outside of the workspace. Only its weights are read, and the assistant gets numbers about them.',
            uri.fsPath,
          ),
        );
      }
      if (input.compute === true) {
        // Nothing is opened outside before a person agrees; and what cannot be foreseen may take long, too.
        const question = outside
          ? UNFORESEEN
          : await using(input, (checkpoint) => consentFor(checkpoint, input, token)).catch(() => UNFORESEEN);
        if (question !== undefined) questions.push(question);
      }
      if (questions.length === 0) return { invocationMessage };
      const title = input.compute === true ? l10n.t('Compute spectra?') : l10n.t('Read this checkpoint?');
      return { invocationMessage, confirmationMessages: { title, message: markdownOf(questions.join(' ')) } };
    },
    invoke: async ({ input: given, tokenizationOptions }, token) => {
      const budget = tokenizationOptions?.tokenBudget ?? Infinity;
      const most = Math.min(MOST_CHARACTERS, budget * CHARACTERS_OF_A_TOKEN);
      const text = await told(async () => {
        const input = toolInput(given);
        return using(input, (checkpoint) => answer(checkpoint, input, { token, most }));
      }, token);
      return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
    },
  };
}

/** What a person is asked before a long computation; undefined for one of seconds. */
async function consentFor(
  checkpoint: SharedCheckpoint,
  input: ToolInput,
  token: vscode.CancellationToken,
): Promise<string | undefined> {
  const meant = await meantLayers(checkpoint, input, token);
  const missing = meant.filter(({ numbers }) => !numbers).map(({ info }) => info);
  if (isQuick(missing)) return undefined;
  const largest = largestLayer(missing);
  const file = vscode.workspace.asRelativePath(checkpoint.path);
  const spectra = l10n.many(
    missing.length,
    'The spectrum of 1 layer of {1}.',
    'The spectra of {0} layers of {1}.',
    missing.length,
    file,
  );
  return [
    spectra,
    ...(largest ? [l10n.t('The largest layer has {0} entries.', largest.shape.join(' × '))] : []),
    l10n.t('That may take minutes on all processor cores, and can be cancelled.'),
  ].join(' ');
}

/** Layers that an input is about, with the numbers that are known. */
async function meantLayers(
  checkpoint: SharedCheckpoint,
  { layer, filter }: ToolInput,
  token: vscode.CancellationToken,
): Promise<ListedLayer[]> {
  const tensors = layer === undefined ? (await checkpoint.summary()).tensors : [await checkpoint.tensorOf(layer)];
  const isMeant = layer === undefined ? nameFilter(filter) : (name: string) => name === layer;
  const infos = tensors.flatMap(publicLayers).filter((info) => isMeant(info.layer));
  const looked = infos.slice(0, MOST_LOOKED_UP).map((info) => info.layer);
  const known = await checkpoint.knownOf(looked, token);
  return Promise.all(
    infos.map(async (info, at) => {
      const result = known[at];
      return { info, numbers: result && publicNumbers(result, await checkpoint.tensorOf(info.layer)) };
    }),
  );
}

async function summarised(checkpoint: SharedCheckpoint, _: ToolInput, { token, most }: Call): Promise<string> {
  const { metadata, problems, dtypes, ...facts } = publicSummary(await checkpoint.summary());
  const layers = await meantLayers(checkpoint, {}, token);
  const matrices = layers.filter(({ info }) => info.hasSpectrum);
  const verdicts: Record<string, number> = {};
  for (const { numbers } of matrices) {
    const verdict = numbers?.verdict?.verdict;
    if (verdict !== undefined) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  }
  const head = {
    ...{ path: dataText(facts.path), format: facts.format, architecture: dataText(facts.architecture) },
    ...{ parameters: facts.parameters, bytes: facts.bytes, tensors: facts.tensors, matrices: matrices.length },
    computed: matrices.filter(({ numbers }) => numbers).length,
    ...(layers.length > MOST_LOOKED_UP && { looked_up: `the first ${MOST_LOOKED_UP} layers only` }),
    verdicts,
    dtypes: dtypes.slice(0, MOST_ENTRIES).map(({ dtype, parameters }) => ({ dtype: dataText(dtype), parameters })),
    problems: problems.slice(0, MOST_ENTRIES).map(dataText),
  };
  const entries = Object.entries(metadata).slice(0, MOST_ENTRIES);
  const values = entries.map(([key, value]) => ({ key: dataText(key), value: dataText(value) }));
  return boundedAnswer(head, { key: 'metadata', values }, most);
}

async function listed(checkpoint: SharedCheckpoint, input: ToolInput, { token, most }: Call): Promise<string> {
  const key = sortKey(input.sort);
  const limit = rowLimit(input.limit);
  let layers = await meantLayers(checkpoint, input, token);
  if (input.compute === true) {
    await checkpoint.compute(
      layers.filter(({ numbers }) => !numbers).map(({ info }) => info.layer),
      { token },
    );
    layers = await meantLayers(checkpoint, input, token);
  }
  const sorted = sortedLayers(layers, key, input.descending === true).slice(0, limit);
  const missing = layers.filter(({ info, numbers }) => info.hasSpectrum && !numbers).length;
  const head = {
    ...{ path: dataText(checkpoint.path), matching: layers.length, sorted_by: key },
    ...(layers.length > MOST_LOOKED_UP && { looked_up: `numbers of the first ${MOST_LOOKED_UP} only: filter by name` }),
    ...(missing > 0 && { not_computed: `${missing} matrices have no numbers yet: ask with "compute": true.` }),
  };
  return boundedAnswer(head, { key: 'layers', values: sorted.map((layer) => layerRow(layer, key)) }, most);
}

async function inspected(checkpoint: SharedCheckpoint, input: ToolInput, { token, most }: Call): Promise<string> {
  const { layer } = input;
  if (typeof layer !== 'string') throw new EigenscopeError('invalid', 'Name a layer as "layer".');
  const tensor = await checkpoint.tensorOf(layer);
  const [result] =
    input.compute === true ? await checkpoint.compute([layer], { token }) : [await checkpoint.known(layer)];
  if (result) return numbersText(publicNumbers(result, tensor), most);
  const info = publicLayers(tensor).find((each) => each.layer === layer);
  const head = { layer: dataText(layer), shape: info?.shape, dtype: info && dataText(info.dtype) };
  return boundedAnswer(
    { ...head, computed: false, hint: 'Ask with "compute": true for its numbers.' },
    undefined,
    most,
  );
}

function numbersText(numbers: LayerNumbers, most: number): string {
  const { layer, shape, dtype, metrics, farms, verdict, suggestion, statistics, ranks, missing, problems } = numbers;
  const rounded = (values: Readonly<Record<string, number | null>>): Record<string, number | null> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, dataNumber(value)]));
  const head = {
    ...{ layer: dataText(layer), shape, dtype: dataText(dtype) },
    ...(verdict && { verdict: { verdict: verdict.verdict, reason: dataText(verdict.reason) } }),
    ...(suggestion && {
      suggestion: 'rank' in suggestion ? rounded({ ...suggestion }) : { reason: dataText(suggestion.reason) },
    }),
    ...(farms && { farms: { alpha: dataNumber(farms.alpha), D: dataNumber(farms.D) } }),
    metrics: rounded(metrics),
    ranks: Object.fromEntries(Object.entries(ranks).map(([rule, each]) => [rule, rounded({ ...each })])),
    ...(statistics && { statistics: rounded({ ...statistics }) }),
    problems: problems.slice(0, MOST_ENTRIES).map(dataText),
  };
  const values = Object.entries(missing).map(([key, reason]) => ({ key: dataText(key), reason: dataText(reason) }));
  return boundedAnswer(head, { key: 'missing', values }, most);
}

function markdownOf(text: string): vscode.MarkdownString {
  return new vscode.MarkdownString(markdownText(text));
}
