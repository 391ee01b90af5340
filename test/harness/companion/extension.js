// An example: another extension asks Eigenscope for layers, numbers and comparisons. `eigenscope.d.ts`
// (extension/host/api) has the types; in TypeScript, copy that file and write `getExtension<EigenscopeExports>`.
const vscode = require('vscode');

/** News that came while the report was made, for those who want to see them. */
const heard = [];

exports.activate = async (context) => {
  const eigenscope = vscode.extensions.getExtension('eigenscope.eigenscope');
  const api = (await eigenscope.activate()).getApi(1);
  context.subscriptions.push(
    api.onDidChangeNumbers(({ uri, layers }) => heard.push({ file: uri.fsPath, layers: [...layers] })),
    vscode.commands.registerCommand('eigenscopeCompanion.report', (uri) => report(api, uri)),
    vscode.commands.registerCommand('eigenscopeCompanion.compare', (a, b, layer) => compare(api, a, b, layer)),
  );
};

/** One line a layer: its alpha, and the rank that is worth trying. Computes what is missing, and can be cancelled. */
async function report(api, uri) {
  const checkpoint = await api.openCheckpoint(uri);
  try {
    const { architecture, parameters } = await checkpoint.summary();
    const matrices = (await checkpoint.layers()).filter(({ hasSpectrum }) => hasSpectrum).map(({ layer }) => layer);
    const known = await Promise.all(matrices.map((layer) => checkpoint.numbers(layer)));
    const numbers = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Asking Eigenscope', cancellable: true },
      (progress, token) =>
        checkpoint.compute(matrices, {
          token,
          onProgress: (done, total) => progress.report({ message: `${done} of ${total} layers` }),
        }),
    );
    const lines = numbers.map(({ layer, metrics, suggestion }) => {
      const rank = suggestion && 'rank' in suggestion ? `rank ${suggestion.rank}` : 'no rank';
      return `${layer}: alpha ${metrics.alpha?.toFixed(3) ?? 'undefined'}, ${rank}`;
    });
    return {
      title: `${architecture}, ${parameters} parameters`,
      knownBefore: known.filter((each) => each !== undefined).length,
      lines,
      heard,
    };
  } finally {
    checkpoint.dispose();
  }
}

/** What changed of one layer between two checkpoints. */
async function compare(api, a, b, layer) {
  const compared = await api.compareLayers({ uri: a, layer }, { uri: b, layer }, { compute: true });
  return { alpha: compared.metrics.alpha, norm: compared.metrics.norm, least: compared.spectralDistance };
}
