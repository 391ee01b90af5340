/** Regular expressions that choose layers by their names. */

/** Longer ones are no pattern that a person writes. */
const MAX_PATTERN_LENGTH = 1000;

export interface Pattern {
  readonly source: string;
  readonly matches: (name: string) => boolean;
}

/** @throws RangeError for what is no regular expression, in words for people */
export function compiledPatterns(sources: readonly string[]): Pattern[] {
  return sources.map((source) => {
    const problem = patternProblem(source);
    if (problem !== undefined) throw new RangeError(problem);
    const expression = new RegExp(source, 'u');
    return { source, matches: (name) => expression.test(name) };
  });
}

/** Why this is no regular expression, in one sentence; undefined if it is one. */
export function patternProblem(source: string): string | undefined {
  if (source.length > MAX_PATTERN_LENGTH) return `a pattern of ${source.length} characters is too long`;
  try {
    new RegExp(source, 'u');
    return undefined;
  } catch (error) {
    return `"${source}" is no regular expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}
