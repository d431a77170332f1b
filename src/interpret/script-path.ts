/** `file:///a/b.mjs` as `/a/b.mjs`; anything else as it is. */
export function scriptPath(script: string): string {
  if (!script.startsWith('file://')) return script;
  try {
    return decodeURIComponent(new URL(script).pathname);
  } catch {
    return script; // not a URL after all, or half an escape: better the raw name than none
  }
}
