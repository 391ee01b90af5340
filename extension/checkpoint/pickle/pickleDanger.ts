/**
 * Names that have no business in a checkpoint: a pickle that mentions one was probably built to attack a program that
 * loads it. Nothing is ever run here; the person is told, so that the file is not loaded elsewhere.
 */

const MODULES = new Set([
  ...['os', 'posix', 'nt', 'posixpath', 'ntpath', 'sys', 'subprocess', 'pty', 'commands', 'popen2', 'shutil', 'signal'],
  ...[
    'socket',
    'ssl',
    'http',
    'urllib',
    'urllib2',
    'httplib',
    'ftplib',
    'requests',
    'aiohttp',
    'webbrowser',
    'smtplib',
  ],
  ...['runpy', 'importlib', 'imp', 'pkgutil', 'pip', 'ensurepip', 'venv', 'code', 'codeop', 'pdb', 'bdb', 'profile'],
  ...['cProfile', 'timeit', 'trace', 'doctest', 'ctypes', '_ctypes', 'cffi', 'marshal', 'pickle', '_pickle', 'cPickle'],
  ...['dill', 'cloudpickle', 'joblib', 'shelve', 'asyncio', 'multiprocessing', 'threading', '_thread', 'inspect'],
  ...['tempfile', 'io', '_io', 'platform', 'zipimport', 'linecache', 'pydoc', 'antigravity', 'uuid', 'operator'],
]);

const BUILTINS = new Set([
  ...['eval', 'exec', 'execfile', 'compile', 'open', 'file', 'input', '__import__', 'getattr', 'setattr', 'delattr'],
  ...['globals', 'locals', 'vars', 'breakpoint', 'apply', 'memoryview', 'help'],
]);

const FUNCTIONS = new Set([
  'torch.load',
  'torch.hub.load',
  'torch.serialization.load',
  'torch.utils.collect_env.run',
  'torch._inductor.codecache.compile_file',
  'numpy.load',
  'numpy.testing._private.utils.runstring',
  'types.FunctionType',
  'types.CodeType',
]);

/** Harmless in spite of their module. */
const HARMLESS = new Set(['io.BytesIO', '_io.BytesIO', 'uuid.UUID', 'operator.itemgetter']);

export function isDangerous(module: string, name: string): boolean {
  const full = `${module}.${name}`;
  if (HARMLESS.has(full)) return false;
  const parts = name.split('.');
  if (module === 'builtins' || module === '__builtin__' || module === '__builtins__') return BUILTINS.has(parts[0]!);
  if (MODULES.has(module.split('.')[0]!)) return true;
  // A dotted name walks through attributes: `torch.serialization` + `os.system` is `os.system`.
  return FUNCTIONS.has(full) || (parts.length > 1 && parts.some((part) => MODULES.has(part)));
}
