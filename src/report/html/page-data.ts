/**
 * What the page is given, as JSON: plain numbers and texts, columns where there are many. Times are seconds since the start of the
 * recording, sizes are bytes. Names are the program's own and may hold anything: the page sets them as text, never as markup.
 */

export interface PageData {
  readonly title: string;
  readonly subtitle: string;
  readonly durationSeconds: number;
  /** What is shown first: seconds, or the reading with the highest RSS. */
  readonly at: number | 'peak';
  /** The big figures on top. */
  readonly facts: readonly Fact[];
  readonly notices: readonly string[];
  readonly processes: readonly PageProcess[];
  readonly flame: FlameData;
  readonly tables: readonly PageTable[];
  /** The last line of the page: who made it, what was never recorded. */
  readonly footer: readonly string[];
}

export interface Fact {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}

export interface PageProcess {
  readonly pid: number;
  readonly label: string;
  /** Common to everything that is drawn over time. */
  readonly seconds: readonly number[];
  /** Single lines, RSS first. They overlap: nobody may add them up. */
  readonly lines: readonly Curve[];
  /** Areas that add up, the biggest first. */
  readonly stacks: readonly Stack[];
  readonly rates: readonly Rate[];
  readonly pauses: PauseColumns;
  readonly marks: readonly { readonly seconds: number; readonly kind: string; readonly name: string }[];
  readonly arenas: readonly Life[];
  /** What the lines of its ledgers say beside their bytes: each text once. */
  readonly lineKinds: readonly LineKind[];
  readonly ledgers: readonly PageLedger[];
}

/** `values` go with the `seconds` of the process; null: not known then. */
export interface Curve {
  readonly name: string;
  readonly title: string;
  readonly values: readonly (number | null)[];
}

export interface Stack {
  readonly name: 'ledger' | 'pool' | 'arena';
  readonly title: string;
  readonly note: string;
  readonly bands: readonly Curve[];
}

/** How fast a counter went up, a second or as a share of the time, in bins of `step` seconds from `start` on. */
export interface Rate {
  readonly name: string;
  readonly title: string;
  readonly hint: string;
  readonly isShare: boolean;
  readonly start: number;
  readonly step: number;
  readonly values: readonly number[];
}

/** V8's pauses, one column each. `kinds` are numbers in `kindNames`. */
export interface PauseColumns {
  readonly kindNames: readonly string[];
  readonly seconds: readonly number[];
  readonly milliseconds: readonly number[];
  readonly kinds: readonly number[];
  readonly threads: readonly number[];
  readonly causes: readonly string[];
}

/** From when to when an arena was there. */
export interface Life {
  readonly name: string;
  readonly pool: string;
  readonly from: number;
  /** Its release; null: it was not. */
  readonly to: number | null;
  /** When its last byte went, if that was after the release; null with `isHeld`: some are there to the end. */
  readonly heldTo: number | null;
  readonly isHeld: boolean;
  readonly peakBytes: number;
}

export interface LineKind {
  readonly name: string;
  readonly title: string;
  readonly certainty: 'measured' | 'estimated' | 'unknown';
  readonly source: string;
}

/** `kind` is a number in `lineKinds`. The bytes of `parts` add up to its own. */
export type PageLedgerLine = readonly [
  kind: number,
  bytes: number,
  errorBytes: number,
  parts: readonly PageLedgerLine[],
];

export interface PageLedger {
  readonly seconds: number;
  readonly moment: string;
  readonly rssBytes: number;
  readonly lines: readonly PageLedgerLine[];
  readonly splitErrorBytes: number | null;
  readonly skewBytes: number;
  /** Each a name and a text. */
  readonly apart: readonly (readonly [string, string])[];
  readonly allocators: readonly PageAllocator[];
  /** What failed, or could not be seen. */
  readonly warnings: readonly string[];
}

export interface PageAllocator {
  readonly name: string;
  /** What it could give back: title, bytes, how that is known. */
  readonly figures: readonly (readonly [string, string, string])[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Call paths as a tree: each node is a location below its parent, -1 for none. */
export interface FlameData {
  readonly texts: readonly string[];
  /** name, file, module: numbers in `texts`; line; kind: a number in `kinds`. */
  readonly frames: readonly (readonly [number, number, number, number, number])[];
  readonly kinds: readonly string[];
  /** Frames of each location, the innermost first. */
  readonly locations: readonly (readonly number[])[];
  readonly parents: readonly number[];
  readonly nodeLocations: readonly number[];
  /** What stands above a call path by arena: numbers in `texts`, the root first. */
  readonly roots: readonly (readonly number[])[];
  readonly samples: {
    readonly nodes: readonly number[];
    readonly roots: readonly number[];
    readonly pids: readonly number[];
    readonly inuseBytes: readonly number[];
    readonly allocatedBytes: readonly number[];
  };
  /** Of the main program: frames in it between the program's own are the engine's. */
  readonly mainModule: string;
  /** 'in use at the end', 'in use at the peak'. */
  readonly inuseTitle: string;
}

export interface PageTable {
  readonly title: string;
  readonly note: string;
  readonly columns: readonly { readonly title: string; readonly isNumber: boolean }[];
  readonly rows: readonly (readonly Cell[])[];
}

/** `sort` orders where the text does not; `detail` stands below it, small; `hint` shows under the mouse. */
export interface Cell {
  readonly text: string;
  readonly sort?: number;
  readonly detail?: string;
  readonly hint?: string;
}
