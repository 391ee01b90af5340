export function packagePath(platform: string): string;
