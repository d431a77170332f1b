/**
 * A note on an object that nobody can see: no property, no change to what is printed of it, and it works on frozen objects too. It lives
 * as long as the object.
 */

/** A constructor that makes nothing: `this` of a derived class is then the very object that it was given. */
const Given = function given(object: object) {
  return object;
} as unknown as new (
  object: object,
) => object;

class Stamp extends Given {
  #id: number;
  #context: number;

  constructor(object: object, id: number, context: number) {
    super(object);
    this.#id = id;
    this.#context = context;
  }

  static put(object: object, id: number, context: number): void {
    if (#id in object) {
      object.#id = id;
      object.#context = context;
    } else new Stamp(object, id, context);
  }

  static contextOf(object: object, id: number): number {
    return #id in object && object.#id === id ? object.#context : 0;
  }
}

/** An object may serve one asynchronous id after the other: a stamp is of one of them. */
function stamp(resource: unknown, id: number, context: number): void {
  if (typeof resource === 'object' && resource !== null) Stamp.put(resource, id, context);
}

/** The context that was stamped on a resource for this id; 0: none. */
function contextOf(resource: unknown, id: number): number {
  return typeof resource === 'object' && resource !== null ? Stamp.contextOf(resource, id) : 0;
}

export = { contextOf, stamp };
