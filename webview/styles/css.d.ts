/** Style sheets are bundled by esbuild; a module has nothing to import from them. */
declare module '*.css';
