/** The last part of a path of any system, as pages and reports have it that know no `path` module. */
export function fileName(path: string): string {
  return path.split(/[/\\]/).findLast((part) => part !== '') ?? path;
}
