/**
 * What is known of whole models: how many layers got which verdict, remembered from when all of a checkpoint's layers
 * were computed, for the same version of its files and the same settings. Computes nothing. Knows nothing of VS Code.
 */
import { layerVerdict } from '../../shared/layerFindings';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { TensorSummary } from '../../shared/tensors';
import type { Verdict } from '../../shared/verdict';
import type { CheckpointSession } from '../editor/checkpointSession';

/** The store of the list: a `vscode.Memento`. */
export interface VerdictStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** Checkpoints that are remembered, the latest ones. */
const MOST_ENTRIES = 256;

const KEY = 'verdicts';

/** Results come by the hundred a second: what they add up to is looked at once in this time. */
const QUIET_MS = 500;

export interface ModelVerdict {
  /** Layers with a spectrum, tied ones once. */
  layers: number;
  wellTrained: number;
  underTrained: number;
  overTrained: number;
  /** Layers with NaN or Inf among their elements. */
  broken: number;
}

type Entry = [path: string, of: { version: string; settings: string; verdict: ModelVerdict }];

const COUNTED: Readonly<Record<Verdict, 'wellTrained' | 'underTrained' | 'overTrained' | undefined>> = {
  'typical of well-trained layers': 'wellTrained',
  'typical of under-trained layers': 'underTrained',
  'typical of over-trained or over-fitted layers': 'overTrained',
  'no verdict': undefined,
};

export class KnownVerdicts {
  private readonly entries: Map<string, Entry[1]>;
  private readonly listeners = new Set<() => void>();

  /** @param settings in use; what was computed with others is not what would be shown */
  constructor(
    private readonly store: VerdictStore,
    private readonly settings: () => InspectSettings,
    private readonly log: { warn(message: string): void },
  ) {
    this.entries = new Map(entriesOf(store.get(KEY)));
  }

  /** @param version of the files, as headers say it */
  of(checkpoint: string, version: string): ModelVerdict | undefined {
    const known = this.entries.get(checkpoint);
    return known?.version === version && known.settings === JSON.stringify(this.settings()) ? known.verdict : undefined;
  }

  onChange(listener: () => void): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  }

  /** Remembers the session's verdict once all of its layers have a result, and anew when one changes. */
  watch(session: CheckpointSession): void {
    let timer: NodeJS.Timeout | undefined;
    session.on('result', () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        this.remember(session).catch((error: unknown) => this.log.warn(`${session.path}: ${String(error)}`));
      }, QUIET_MS);
    });
    session.onDispose(() => clearTimeout(timer));
  }

  private async remember(session: CheckpointSession): Promise<void> {
    const settings = JSON.stringify(this.settings());
    const { version, tensors } = await session.summary();
    const verdict = session.changed ? undefined : verdictOf(tensors, session.results);
    if (!verdict) return;
    this.entries.delete(session.path);
    this.entries.set(session.path, { version, settings, verdict });
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= MOST_ENTRIES) break;
      this.entries.delete(oldest);
    }
    for (const listener of this.listeners) listener();
    await this.store.update(KEY, [...this.entries]);
  }
}

/** @returns undefined where a layer has no result yet, or no tensor has a spectrum */
export function verdictOf(
  tensors: readonly TensorSummary[],
  results: ReadonlyMap<string, LayerResult>,
): ModelVerdict | undefined {
  const weights = tensors.filter(({ notModel }) => notModel === undefined);
  const needed = weights.reduce((sum, { layers }) => sum + layers.length, 0);
  if (results.size < needed) return undefined;
  const verdict: ModelVerdict = { layers: 0, wellTrained: 0, underTrained: 0, overTrained: 0, broken: 0 };
  for (const tensor of weights) {
    for (const layer of tensor.layers) {
      const result = results.get(layer);
      if (!result) return undefined;
      if (result.tiedWith !== undefined) continue;
      verdict.layers += 1;
      const { nan = 0, inf = 0 } = result.statistics ?? {};
      if (nan + inf > 0) verdict.broken += 1;
      const judged = layerVerdict(result, tensor);
      const count = judged && COUNTED[judged.verdict];
      if (count) verdict[count] += 1;
    }
  }
  return verdict.layers > 0 ? verdict : undefined;
}

/** Whatever was stored: another version of this extension may have written it. */
function entriesOf(stored: unknown): Entry[] {
  if (!Array.isArray(stored)) return [];
  return stored.filter((entry): entry is Entry => {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== 'string') return false;
    const { version, settings, verdict } = Object(entry[1]) as Partial<Record<string, unknown>>;
    const counts = Object(verdict) as Partial<Record<string, unknown>>;
    const isCounts = ['layers', 'wellTrained', 'underTrained', 'overTrained', 'broken'].every((key) =>
      Number.isSafeInteger(counts[key]),
    );
    return typeof version === 'string' && typeof settings === 'string' && isCounts;
  });
}
