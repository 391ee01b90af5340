/** Checks one layer's choice against the tables of methods and options: for plans, pages, the terminal and the engine. */
import { DEFAULT_OPTIONS, methodOptions, type MethodOptions, type OptionName, type OptionRow } from './methodOptions';
import { isMethodName, layerMethod, layerMethods, type LayerMethodRow } from './methodTable';
import type { LayerChoice } from './plans';
import { leastRank, mostRank } from './rankLimits';

/** What is wrong with a choice and what to do, in words that follow the layer's name. */
export interface ChoiceProblem {
  readonly code: 'unknown-method' | 'invalid-rank' | 'invalid-option';
  readonly message: string;
}

/** Matrices are out × in. */
interface Size {
  readonly outputs: number;
  readonly inputs: number;
}

/** @returns undefined if the choice can be applied to a matrix of that size */
export function choiceProblem(choice: LayerChoice, size: Size): ChoiceProblem | undefined {
  const { method, rank, ...options } = choice;
  if (!isMethodName(method)) {
    const known = layerMethods.map(({ name }) => name).join(', ');
    return {
      code: 'unknown-method',
      message: `there is no compression method "${String(method)}"; choose one of: ${known}`,
    };
  }
  const row = layerMethod(method);
  return optionsProblem(row, options) ?? rankProblem(row, rank, optionsOf(choice), size);
}

/** Every option of a choice, defaults filled in. */
export function optionsOf({ method: _, rank: __, ...options }: LayerChoice): MethodOptions {
  return { ...DEFAULT_OPTIONS, ...options };
}

function rankProblem(
  row: LayerMethodRow,
  rank: number | undefined,
  options: MethodOptions,
  size: Size,
): ChoiceProblem | undefined {
  const { name, rank: counted } = row;
  const refuse = (message: string): ChoiceProblem => ({ code: 'invalid-rank', message });
  if (counted === undefined) {
    return rank === undefined ? undefined : refuse(`the method ${name} has no rank; leave rank ${rank} out`);
  }
  if (rank === undefined && row.findsRank) return undefined;
  const least = leastRank(row.name, options);
  const most = mostRank(row.name, size.outputs, size.inputs, options);
  if (least > most) {
    return refuse(`${least} ${counted} an output (nonzeros) are more than the ${most} that there can be; choose fewer`);
  }
  const range = `a whole number from ${least} to ${most}`;
  if (rank === undefined) return refuse(`the method ${name} needs a rank (${counted}), ${range}`);
  if (Number.isInteger(rank) && rank >= least && rank <= most) return undefined;
  const what = counted === 'rank' ? 'rank' : `${counted} (rank)`;
  return refuse(`${what} ${rank} is not possible for a ${size.outputs} × ${size.inputs} matrix; choose ${range}`);
}

function optionsProblem(row: LayerMethodRow, options: object): ChoiceProblem | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const message = row.options.includes(name as OptionName)
      ? valueProblem(
          methodOptions.find((option) => option.name === name)!,
          value,
        )
      : `the method ${row.name} has no option ${name}; ${ownOptions(row)}`;
    if (message !== undefined) return { code: 'invalid-option', message };
  }
  return undefined;
}

function ownOptions({ options }: LayerMethodRow): string {
  return options.length === 0 ? 'it has none' : `its options are ${options.join(', ')}`;
}

function valueProblem(option: OptionRow, value: unknown): string | undefined {
  const { name } = option;
  const given = `${name} ${typeof value === 'string' ? `"${value}"` : String(value)} is not possible`;
  switch (option.kind) {
    case 'integer':
      return Number.isInteger(value) && (value as number) >= option.least && (value as number) <= option.most
        ? undefined
        : `${given}; choose a whole number from ${option.least} to ${option.most}`;
    case 'share':
      return typeof value === 'number' && value >= 0 && value <= 1 ? undefined : `${given}; choose a share from 0 to 1`;
    case 'choice':
      return (option.choices as readonly unknown[]).includes(value)
        ? undefined
        : `${given}; choose one of: ${option.choices.join(', ')}`;
  }
}
