/** esbuild puts the text of `media/python/` into the bundles that need it. */
declare module '*.py' {
  const text: string;
  export default text;
}
