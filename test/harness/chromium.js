// The browser that opens the workbench and the page tests: the system's Chromium, driven by Playwright.
const { findChromium } = require('./setup');

/** Needs the npm dependencies, so it loads Playwright only when called. */
function launchChromium(options = {}) {
  const { chromium } = require('playwright-core');
  const executablePath = findChromium();
  if (!executablePath) throw new Error('no Chromium was found; set CHROMIUM to a Chrome or Chromium program');
  // Containers run as root and have a small /dev/shm: neither suits Chromium's defaults.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'], ...options });
}

module.exports = { launchChromium };
