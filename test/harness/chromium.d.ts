import type { Browser, BrowserContext, BrowserContextOptions, LaunchOptions } from 'playwright-core';

/** The system's Chromium. @throws Error where there is none */
export function launchChromium(options?: LaunchOptions): Promise<Browser>;

/** A context in which nothing is given up but what hangs: loads and waits have `patience` (`machineSpeed.js`). */
export function patientContext(browser: Browser, options?: BrowserContextOptions): Promise<BrowserContext>;

/** Environment in which WebGPU finds Chromium's Vulkan device in software; undefined where there is none. */
export function softwareVulkan(): Record<string, string> | undefined;
