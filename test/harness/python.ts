/** A Python that has the packages a test compares with. The project itself needs none. */
import { spawnSync } from 'node:child_process';

/** `EIGENSCOPE_PYTHON`, else the one on the path; undefined where it lacks one of the packages. */
export function pythonWith(...packages: string[]): string | undefined {
  const python = process.env['EIGENSCOPE_PYTHON'] ?? 'python3';
  const script = `import importlib.util as u, sys; sys.exit(any(u.find_spec(p) is None for p in ${JSON.stringify(packages)}))`;
  return spawnSync(python, ['-c', script]).status === 0 ? python : undefined;
}
