// The arrows between the folders, and no circles: part of the lint stage of `npm test`. Types count as imports. To allow
// an arrow, add it to `ARROWS` and say in CONTRIBUTING.md why it is needed.
const ARROWS = {
  'extension/protocol.ts': ['extension/shared'],
  'extension/shared': [],
  'extension/checkpoint': ['extension/shared'],
  'extension/linalg': ['extension/shared'],
  'extension/spectral': ['extension/linalg', 'extension/shared'],
  // A writer copies the tensors of a checkpoint.
  'extension/compression': [
    ...['extension/spectral', 'extension/linalg', 'extension/checkpoint', 'extension/shared'],
    // The code that goes into a saved folder.
    'media/python',
  ],
  'extension/compression/plan': ['extension/shared'],
  // A model's blocks are run with a checkpoint's weights; calibration writes the statistics that compression reads. Choices of
  // windows are seeded.
  'extension/decoder': [
    ...['extension/compression', 'extension/spectral', 'extension/linalg', 'extension/checkpoint', 'extension/shared'],
  ],
  'extension/engine': [
    ...['extension/decoder', 'extension/compression', 'extension/spectral', 'extension/linalg', 'extension/checkpoint'],
    ...['extension/protocol.ts', 'extension/shared', 'extension/report'],
  ],
  'extension/report': ['extension/shared'],
  'extension/host': ['extension/protocol.ts', 'extension/shared'],
  // Pure functions of numbers: the page draws fits and shares budgets itself.
  webview: [
    // The page of a report reads what its writer wrote.
    'extension/report',
    ...['extension/protocol.ts', 'extension/compression/plan', 'extension/spectral', 'extension/shared', 'media'],
  ],
};

/** Packages and modules of Node that only some folders may import, and why. */
const OUTSIDE = [
  ['vscode', '^extension/host/', 'VS Code’s API exists in the extension host only'],
  ['onnxruntime-node', '^extension/linalg/', 'onnxruntime blocks its thread: only the engine’s processes load it'],
];

const folder = (name) => `^${name.replace('.', '\\.')}(/|$)`;

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: { path: '^(extension|webview|test)/' }, to: { circular: true } },
    ...Object.entries(ARROWS).map(([from, to]) => ({
      name: `arrows-of-${from.replace(/\W/g, '-')}`,
      severity: 'error',
      from: { path: folder(from) },
      to: { path: '^(extension|webview|media|test)/', pathNot: [from, ...to].map(folder) },
    })),
    ...OUTSIDE.map(([name, allowed, comment]) => ({
      name: `${name}-in-one-place`,
      comment,
      severity: 'error',
      from: { path: '^(extension|webview)/', pathNot: allowed },
      to: { path: `(^|node_modules/(@types/)?)${name}(/|$)`, dependencyTypesNot: ['type-only'] },
    })),
    {
      name: 'numbers-without-files',
      comment: 'spectral and plans are pure functions of numbers; the page runs in a browser',
      severity: 'error',
      from: { path: '^(extension/spectral|extension/compression/plan|webview)/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^extension/linalg/assembly/|^dist/' },
  },
};
