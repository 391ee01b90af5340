import type { Browser, LaunchOptions } from 'playwright-core';

/** The system's Chromium. @throws Error where there is none */
export function launchChromium(options?: LaunchOptions): Promise<Browser>;

/** Environment in which WebGPU finds Chromium's Vulkan device in software; undefined where there is none. */
export function softwareVulkan(): Record<string, string> | undefined;
