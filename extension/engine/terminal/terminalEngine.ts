/** The engine in the terminal's own process: made as the options say, its results gathered by name. */
import { availableParallelism, homedir, totalmem } from 'node:os';
import type { EngineNotifications } from '../../protocol';
import type { QuickLook } from '../../shared/estimates';
import type { LayerResult } from '../../shared/layers';
import { problemOf, type NotificationHandlers } from '../../shared/rpc';
import type { EngineDocument } from '../document/engineDocument';
import { Engine } from '../engine';
import { cacheFolder } from '../resources/cacheFolder';
import { defaultMemoryLimit, defaultThreads } from '../resources/limits';
import type { Common } from './cliArguments';
import type { ProgressLine } from './progressLine';
import { unreachedResult } from './unreachedResult';
import { MEGABYTE } from '../resources/megabytes';

type EngineOptions = Pick<Common, 'threads' | 'memoryMegabytes' | 'device'>;

interface Gathering {
  readonly engine: Engine;
  readonly results: ReadonlyMap<string, LayerResult>;
  readonly looks: ReadonlyMap<string, QuickLook>;
  /** When the queue is empty. */
  readonly done: Promise<void>;
  readonly pruning: Promise<void>;
}

/** An engine whose results, and estimates, are gathered by name. */
export function gathering(command: EngineOptions & { cache: boolean }, progress: ProgressLine): Gathering {
  const results = new Map<string, LayerResult>();
  const looks = new Map<string, QuickLook>();
  let finished: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (finished = resolve));
  const engine = createEngine(command, command.cache, {
    result: ({ result }) => results.set(result.name, result),
    progress: ({ name, stage, fraction }) => progress.layer(`${name}: ${stage} ${Math.round(100 * fraction)} %`),
    quick: ({ look }) => looks.set(look.layer, look),
    queue: (state) => {
      const quick = state.quick ?? { done: 0, total: 0 };
      const [done, total] = [state.done + quick.done, state.total + quick.total];
      progress.count(done, total);
      if (done >= total && state.active.length === 0) finished();
    },
    device: ({ requested, refused }) => {
      // What `auto` passes over is no news in a terminal; --json has it.
      const shown = refused.filter(({ provider }) => provider === requested);
      for (const { provider, reason } of shown) progress.note(`${provider} is not used: ${reason}`);
    },
    log: ({ message }) => progress.note(message),
  });
  const pruning = engine.cache.prune().catch((error: unknown) => {
    progress.note(`the result cache could not be cut back: ${problemOf(error).message}`);
  });
  return { engine, results, looks, done, pruning };
}

/** Results in the order of `names`. Nothing but a change of the files ends the queue before all is done. */
export function resultsOf(
  names: readonly string[],
  { results, looks }: Gathering,
  document: EngineDocument,
): LayerResult[] {
  return names
    .filter((name) => results.has(name) || !looks.has(name))
    .map((name) => results.get(name) ?? unreachedResult(name, document.layer(name), document.change!));
}

export function createEngine(
  { threads, memoryMegabytes, device }: EngineOptions,
  cache: boolean,
  handlers: Partial<NotificationHandlers<EngineNotifications>>,
): Engine {
  return new Engine({
    cacheFolder: cache ? cacheFolder(process.env, process.platform, homedir()) : undefined,
    threads: threads ?? defaultThreads(availableParallelism()),
    memoryLimit: memoryMegabytes === undefined ? defaultMemoryLimit(totalmem()) : memoryMegabytes * MEGABYTE,
    device,
    notify: (name, params) => handlers[name]?.(params),
  });
}
