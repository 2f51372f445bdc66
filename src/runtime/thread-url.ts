/**
 * The module of a worker thread, beside the one that starts it: a `.ts` file in development, `.js`
 * once compiled (tsc leaves URLs alone).
 *
 * @param importer `import.meta.url` of the module that starts the thread
 */
export function threadUrl(name: string, importer: string): URL {
  const extension = importer.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./${name}.${extension}`, importer)
}
