// Opens a checkpoint in a window that has just started. Opening it as a file would be too early: a development extension's
// editors are not known yet, and a name like model.json would open as text.
const vscode = require('vscode');

exports.activate = async () => {
  const { EIGENSCOPE_OPEN: file } = process.env;
  if (file) await vscode.commands.executeCommand('eigenscope.inspectWeights', vscode.Uri.file(file));
};
