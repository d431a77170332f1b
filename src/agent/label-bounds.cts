/** Keeps a program that labels each request by its id from filling the recording with them. */

const MAX_KEYS = 32;
const MAX_VALUES = 100;
/** Of one context. */
const MAX_PAIRS = 4;
const OTHER = '(other)';

type Pairs = ReadonlyMap<string, string>;

interface LabelBounds {
  /** The pairs of `key=value,key2=value2`, within bounds. */
  bound(text: string): Pairs;
}

/** @param onFolded called once, with the key whose values became too many. */
function createLabelBounds(onFolded: (key: string) => void): LabelBounds {
  const values = new Map<string, Set<string>>();
  let isTold = false;

  function tell(key: string): void {
    if (!isTold) onFolded(key);
    isTold = true;
  }

  function boundValue(key: string, value: string): string {
    const seen = values.get(key) ?? new Set();
    values.set(key, seen);
    if (seen.has(value)) return value;
    if (seen.size < MAX_VALUES) {
      seen.add(value);
      return value;
    }
    tell(key);
    return OTHER;
  }

  return {
    bound(text) {
      const pairs = new Map<string, string>();
      for (const pair of text.split(',').slice(0, MAX_PAIRS)) {
        const at = pair.indexOf('=');
        if (at <= 0) continue;
        const key = pair.slice(0, at);
        if (values.has(key) || values.size < MAX_KEYS) pairs.set(key, boundValue(key, pair.slice(at + 1)));
        else tell(key);
      }
      return pairs;
    },
  };
}

/** Inner values replace outer ones; of new keys, those for which there is room. */
function merge(outer: Pairs, inner: Pairs): Pairs {
  const merged = new Map(outer);
  for (const [key, value] of inner) if (merged.has(key) || merged.size < MAX_PAIRS) merged.set(key, value);
  return merged;
}

function textOf(pairs: Pairs): string {
  return [...pairs]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}

export = { createLabelBounds, merge, textOf };
