import type { Browser, LaunchOptions } from 'playwright-core';

/** The system's Chromium. @throws Error where there is none */
export function launchChromium(options?: LaunchOptions): Promise<Browser>;
