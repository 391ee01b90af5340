// The browser that opens the workbench and the page tests: the system's Chromium, driven by Playwright. And the software
// graphics device that it brings along, on which the WebGPU path is tested.
const { existsSync, realpathSync } = require('node:fs');
const path = require('node:path');
const { patience } = require('./machineSpeed');
const { findChromium } = require('./setup');

/** Needs the npm dependencies, so it loads Playwright only when called. */
function launchChromium(options = {}) {
  const { chromium } = require('playwright-core');
  const executablePath = findChromium();
  if (!executablePath) throw new Error('no Chromium was found; set CHROMIUM to a Chrome or Chromium program');
  // Containers run as root and have a small /dev/shm: neither suits Chromium's defaults.
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout: patience(),
    ...options,
  });
}

/** A context in which nothing is given up but what hangs. */
async function patientContext(browser, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patience());
  return context;
}

/**
 * Folders in which Chromium keeps its libraries: beside the program, or where Debian's and Google's start scripts find
 * it.
 */
function chromiumFolders() {
  const program = findChromium();
  const beside = program ? [path.dirname(realpathSync(program))] : [];
  return [...beside, '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
}

/**
 * Environment in which onnxruntime's WebGPU finds SwiftShader, a Vulkan device in software, and Chromium's Vulkan loader.
 * Undefined where Chromium has none.
 */
function softwareVulkan() {
  const folder = chromiumFolders().find((each) => existsSync(path.join(each, 'vk_swiftshader_icd.json')));
  if (!folder) return undefined;
  const { LD_LIBRARY_PATH: libraries } = process.env;
  return {
    VK_ICD_FILENAMES: path.join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: libraries ? `${folder}:${libraries}` : folder,
  };
}

module.exports = { launchChromium, patientContext, softwareVulkan };
