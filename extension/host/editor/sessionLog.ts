/**
 * What the output channel tells of an open checkpoint: what was opened, computed and saved, on what, how long it took, and
 * what went wrong, with its cause. Single layers are told at the level "debug". Knows nothing of VS Code.
 */
import { agreeing } from '../../shared/agreeing';
import type { ModelSaving } from '../../shared/compression/modelSaving';
import type { LayerResult } from '../../shared/layers';
import { problemOf } from '../../shared/rpc';
import type { CheckpointSession, SavedLayerNews } from './checkpointSession';

/** The levels of VS Code's own channel. */
export type LevelledLog = Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void>;

/** Layers with problems that get a line each: the table has them all. */
const MOST_PROBLEMS = 20;

type Watched = Pick<CheckpointSession, 'path' | 'summary' | 'on' | 'onDispose'>;

/** Layers computed since the queue was empty. */
interface Batch {
  begun: number;
  layers: number;
  problems: number;
  /** Arithmetic and devices. */
  precisions: Set<string>;
}

/** @param now milliseconds of a clock that only goes on */
export function logSession(session: Watched, log: LevelledLog, now: () => number = () => performance.now()): void {
  const { path } = session;
  let batch: Batch | undefined;
  let problems = 0;
  let saving: { target: string; begun: number } | undefined;
  const since = (begun: number): string => `${((now() - begun) / 1000).toFixed(2)} s`;

  const opened = (how: 'opened' | 'opened anew'): void => {
    const begun = now();
    session.summary().then(
      ({ format, architecture, tensors, parameters, bytes, files, problems: found }) => {
        const what = [format, architecture].filter((part) => part !== '').join(', ');
        const size = `${tensors.length} tensors, ${parameters} parameters, ${megabytes(bytes)} in ${files.length} files`;
        log.info(`${how} ${path}: ${what}; ${size}; headers read in ${since(begun)}`);
        for (const { message } of found.slice(0, MOST_PROBLEMS)) {
          // Most begin with the file.
          log.warn(message.startsWith(path) ? message : `${path}: ${message}`);
        }
      },
      (error: unknown) => log.error(`${path} was not opened: ${problemOf(error).message}`),
    );
  };
  const computed = (result: LayerResult): void => {
    batch ??= { begun: now(), layers: 0, problems: 0, precisions: new Set() };
    batch.layers += 1;
    if (result.precision !== undefined) batch.precisions.add(result.precision);
    if (result.problems.length > 0) batch.problems += 1;
    const time = result.elapsed === undefined ? '' : ` in ${(result.elapsed / 1000).toFixed(2)} s`;
    log.debug(
      `${path}: computed ${result.name}${time}${result.precision === undefined ? '' : `, ${result.precision}`}`,
    );
    for (const { message } of result.problems) {
      problems += 1;
      if (problems <= MOST_PROBLEMS) log.warn(`${path}: ${result.name}: ${message}`);
      if (problems === MOST_PROBLEMS) log.warn(`${path}: further problems of layers are in its table`);
    }
  };
  const queued = ({ done, total }: { done: number; total: number }): void => {
    if (done < total) {
      batch ??= { begun: now(), layers: 0, problems: 0, precisions: new Set() };
      return;
    }
    if (batch && batch.layers > 0) {
      const on = batch.precisions.size === 0 ? '' : ` in ${[...batch.precisions].sort().join(' and ')}`;
      const wrong = batch.problems === 0 ? '' : `; ${batch.problems} with problems`;
      log.info(`${path}: computed ${batch.layers} layers${on}, ${since(batch.begun)}${wrong}`);
    }
    batch = undefined;
  };
  const savedModel = (state: ModelSaving): void => {
    if (state.state === 'running') {
      if (saving) return;
      saving = { target: state.target, begun: now() };
      log.info(`${path}: saving the compressed model into ${state.target}`);
      return;
    }
    const took = saving ? `, ${since(saving.begun)}` : '';
    saving = undefined;
    if (state.state === 'done') {
      const { bytes, files, layers } = state.result;
      const tensors = `tensors of ${megabytes(bytes.tensors)} instead of ${megabytes(bytes.before)}`;
      const size = `${tensors}, ${megabytes(bytes.after)} with all files`;
      log.info(
        `${path}: saved ${state.target}: ${files.length} ${agreeing(files.length, 'file')}, ${layers.length} layers compressed, ${size}${took}`,
      );
    } else if (state.problem) log.error(`${path}: saving ${state.target} stopped: ${state.problem.message}${took}`);
    else log.info(`${path}: saving ${state.target} was cancelled${took}`);
  };

  opened('opened');
  session.on('reloaded', () => opened('opened anew'));
  session.on('result', computed);
  session.on('queue', queued);
  session.on('saved', (news) => savedLayer(path, news, log));
  session.on('modelSaving', savedModel);
  session.on('changed', ({ message }) => log.warn(message));
  session.on('engine', ({ failed }) => {
    if (failed.length > 0) log.error(`${path}: the engine ended at ${failed.join(', ')}`);
  });
  session.onDispose(() => log.info(`closed ${path}`));
}

function savedLayer(path: string, { request, seconds, result, problem }: SavedLayerNews, log: LevelledLog): void {
  const time = `${seconds.toFixed(2)} s`;
  const what = `${request.layer} by ${request.method}, as ${request.output}`;
  if (result) {
    const error = `relative error ${result.measured_error.toPrecision(3)}`;
    log.info(
      `${path}: saved ${result.path}: ${what} at rank ${result.rank}, ${error}, ${megabytes(result.bytes)}, ${time}`,
    );
  } else if (problem.code === 'cancelled') log.info(`${path}: saving ${request.target} was cancelled, ${time}`);
  else log.error(`${path}: ${request.target} was not saved: ${problem.message} (${what}, ${time})`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
