/**
 * TorchScript classes: which of a module's tensor attributes are parameters and buffers, and so in its state_dict.
 * The pickle does not tell; the class declarations beside it do, in lines such as `__parameters__ = ["weight", ]`.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/torch/csrc/jit/serialization/python_print.cpp
 */
import type { Problem } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { COST, type OpeningBudget } from '../files/openingBudget';
import { PickleDict, PickleObject, PickleTensor, PickleUnreadable, type PickleValue } from '../pickle/pickleValues';
import type { DeclaredTensors } from './stateDict';
import type { ZipArchive } from '../containers/zipArchive';

/** One class file, and all of them: ten times the largest seen. */
const MAX_CODE_BYTES = 16 * 1024 * 1024;
const MAX_ALL_CODE_BYTES = 128 * 1024 * 1024;

/** What looking at a line takes. */
const LINE_STEPS = 4;

/**
 * Reads the declarations of every class in `root` that has a tensor of its own.
 *
 * @param prefix folder of the archive with the code, for instance `model/code/`
 * @throws DOMException `AbortError`
 */
export async function declaredTensors(
  archive: ZipArchive,
  prefix: string,
  root: PickleValue,
  budget: OpeningBudget,
  signal?: AbortSignal,
): Promise<{ declared: DeclaredTensors; problems: Problem[] }> {
  const classes = new Map<string, ReadonlySet<string>>();
  const problems: Problem[] = [];
  let left = MAX_ALL_CODE_BYTES;
  for (const file of filesOf(classesWithTensors(root))) {
    const entry = archive.entries.get(`${prefix}${file}`);
    if (!entry || entry.size > left) continue;
    left -= entry.size;
    try {
      budget.take(entry.size);
      const code = Buffer.from(await archive.readWhole(entry, MAX_CODE_BYTES, signal)).toString('utf8');
      for (const [name, tensors] of parseDeclarations(code, budget)) {
        classes.set(`${file.slice(0, -'.py'.length).replaceAll('/', '.')}.${name}`, tensors);
      }
    } catch (error) {
      // Without its declaration all of a class's tensors are listed; the reason is shown.
      if (!(error instanceof CheckpointError)) throw error;
      problems.push(error.toProblem());
    }
  }
  return { declared: (name) => classes.get(name), problems };
}

/** `__torch__.a.b.Class` is declared in `__torch__/a/b.py`. */
function filesOf(classes: Iterable<string>): Set<string> {
  const files = new Set<string>();
  for (const name of classes) files.add(`${name.split('.').slice(0, -1).join('/')}.py`);
  return files;
}

/** Classes of the modules in `root` that have tensors of their own. */
function classesWithTensors(root: PickleValue): Set<string> {
  const classes = new Set<string>();
  const pending: PickleValue[] = [root];
  const seen = new Set<PickleValue>();
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (seen.has(value) || !(value instanceof PickleObject) || !(value.state instanceof PickleDict)) continue;
    seen.add(value);
    for (const [, item] of value.state.entries()) {
      if (item instanceof PickleTensor || item instanceof PickleUnreadable) classes.add(value.global);
      else if (item instanceof PickleObject) pending.push(item);
    }
  }
  return classes;
}

/** Class name → its parameters and buffers. */
function parseDeclarations(code: string, budget: OpeningBudget): Map<string, Set<string>> {
  const classes = new Map<string, Set<string>>();
  let current: Set<string> | undefined;
  for (const line of linesOf(code)) {
    budget.step(LINE_STEPS);
    const name = /^class (\w+)\(/.exec(line)?.[1];
    if (name !== undefined) classes.set(name, (current = new Set()));
    const list = /^\s+__(?:parameters|buffers)__ = \[(.*)\]/.exec(line)?.[1];
    for (const [, quoted] of (list ?? '').matchAll(/"([^"]*)"/g)) {
      budget.take(COST.pair);
      current?.add(quoted!);
    }
  }
  return classes;
}

/** One after the other: a list of them would take a hundred times the memory of empty ones. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start <= text.length;) {
    const end = text.indexOf('\n', start);
    yield text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length + 1 : end + 1;
  }
}
