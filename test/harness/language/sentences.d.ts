export type Bundle = Record<string, string>;
export function sentencesOfCode(root?: string): { sentences: Map<string, string>; problems: string[] };
export function englishBundle(root?: string): Bundle;
export function bundleProblems(english: Bundle, translations: Bundle): string[];
export function placeholders(sentence: string): string[];
/** @param name relative to the repository */
export function readBundle(name: string, root?: string): Bundle;
