/**
 * Numbers objects from 0 on: the same for those whose text is the same. A text is made once for each object, however often it comes.
 */
export function numberByText<T extends object>(textOf: (object: T) => string): (object: T) => number {
  const ofObject = new WeakMap<T, number>();
  const ofText = new Map<string, number>();
  return (object) => {
    let number = ofObject.get(object);
    if (number === undefined) {
      const text = textOf(object);
      number = ofText.get(text) ?? ofText.size;
      ofText.set(text, number);
      ofObject.set(object, number);
    }
    return number;
  };
}
