// Before `npm pack`, which leaves out in silence what package.json's `files` names and nobody has built.
const { existsSync } = require('node:fs');
const { files } = require('../../../package.json');

// npm runs scripts in the package's folder.
const missing = files.filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.error(`${missing.join(', ')}: not built; npm run build makes what is packed`);
  process.exitCode = 1;
}
